"""Makes the receipts that were lost: reads all events there are, in no group, and ends."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from consumers.receipts.facts import Facts
from consumers.receipts.making import Making
from consumers.tail import Tail
from schemas.settings import Settings

SLOT: Final = "again"
AT_ONCE: Final = 200


def make_again(settings: Settings) -> int:
    """Make what is missing; how many were made.

    Raises TailError, psycopg2.Error or OSError; called again it goes on with what is left.
    """
    making, made = Making(settings, SLOT), 0
    try:
        missing = _missing(settings, making)
        while wanted := list(islice(missing, AT_ONCE)):
            making.make(wanted)
            made += len(wanted)
    finally:
        making.close()
    return made


def _missing(settings: Settings, making: Making) -> Iterator[Facts]:
    for told in Tail(settings).read():
        facts = making.chosen.facts_of(told.event) if told else None
        if facts is not None and making.is_missing(facts):
            yield facts
