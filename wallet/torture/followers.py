"""What follows the ledger must have told all of it in the end: the topic of balances, the receipts.

They may be late, so they are looked at until nothing is off, or the time is over.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from consumers.balances.comparing import compare
from schemas import identifiers, receipts
from schemas.settings import Settings
from wallet.torture import reading
from wallet.torture.draw import RECEIPTED

LOOK_SECONDS: Final = 1.0
PDF: Final = b"%PDF-"
COMPLETED: Final = "completed"


def troubles(settings: Settings, folder: Path, limit: float) -> list[str]:
    """What is off with them after so many seconds at most; `folder` is that of the receipts.

    Raises what reading the topics and the database raises.
    """
    deadline = time.monotonic() + limit
    while True:
        found = [*_balances(settings), *_receipts(settings, folder)]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(LOOK_SECONDS)  # no event crosses from other processes


def _balances(settings: Settings) -> Iterator[str]:
    found = compare(settings)
    if found.behind or not found.is_right:
        yield (
            f"the topic of balances has {found.wrong} wallets wrong, {found.behind} late,"
            f" {found.backwards} records after newer ones: {'; '.join(found.examples)}"
        )


def _receipts(settings: Settings, folder: Path) -> Iterator[str]:
    """One receipt for each completed transfer that gets one, whole, and no others."""
    wanted = {
        identifiers.number(each.src[1], each.src[0], settings.partitions)
        for each in reading.told(settings)
        if each.result.status == COMPLETED
        and each.result.command.source == RECEIPTED
        and each.result.command.type == "transfer.v1"
    }
    there: set[int] = set()
    for place in sorted(folder.glob("*/*.pdf")):
        number = receipts.number_of(place.name)
        if number is None or number in there or not _is_whole(place):
            yield f"the receipt {place} is double, or no receipt"
        else:
            there.add(number)
    if wanted - there:
        yield f"{len(wanted - there)} receipts of {len(wanted)} are missing"
    if there - wanted:
        yield f"{len(there - wanted)} receipts of transfers that were not, or get none"


def _is_whole(place: Path) -> bool:
    content = place.read_bytes()
    return content.startswith(PDF) and content.rstrip().endswith(b"%%EOF")
