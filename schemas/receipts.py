"""What a receipt's file is called, and where it stands: both follow from the transfer alone.

The process that makes receipts and the gateway that shows them share nothing else.
"""

import re
from pathlib import Path
from typing import Final

from schemas.identifiers import END

_NAME: Final = re.compile(r"receipt_([1-9][0-9]{0,18})_([0-9]{8})_[0-9]{6}\.pdf" + END)


def name_of(number: int, recorded_at: str) -> str:
    """The name of the receipt of a transfer: "receipt_17_20261120_100000.pdf".

    `number` is the integer id of its command, `recorded_at` its moment as the ledger writes it.
    """
    day, _, clock = recorded_at[:19].partition("T")
    return f"receipt_{number}_{day.replace('-', '')}_{clock.replace(':', '')}.pdf"


def number_of(name: str) -> int | None:
    """The number in a name; None for what is no receipt's name."""
    found = _NAME.match(name)
    return int(found[1]) if found else None


def place_of(folder: Path, name: str) -> Path:
    """Where it stands in the folder of receipts: a folder a day. `name` is a receipt's name."""
    found = _NAME.match(name)
    assert found, name
    return folder / found[2] / name
