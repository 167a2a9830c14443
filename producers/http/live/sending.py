"""What both ways of following a wallet share: limits, and where one starts."""

from typing import Final

from producers.http.errors import not_found, wrong_field
from producers.http.live import reading_changes
from producers.http.live.reading_changes import Standing
from producers.http.route import Asked
from schemas.identifiers import MAX_BIGINT

WRITE_SECONDS: Final = 10.0
"""Who takes nothing for so long is cut off."""

LIFE_SECONDS: Final = 3600.0
"""After so long it ends, and whoever still may goes on with a new request."""

SLOW: Final = "More has happened than was taken; go on from the last sequence."
FAST: Final = "Too many requests; come again later, and go on from the last sequence."
STOP: Final = "The gateway stops; go on with another from the last sequence."
OLD: Final = "An hour is over; go on from the last sequence."


async def standing_of(asked: Asked, wallet_id: str) -> Standing:
    """Where a wallet stands now. Raises EarlyError 404 or 503."""
    found = await asked.gateway.reading.read(reading_changes.standing, wallet_id)
    if found is None:
        raise not_found()
    return found


def start_of(standing: Standing, after: int | None) -> int:
    """The sequence after which to tell. Raises EarlyError 400 for one that is not there yet."""
    if after is None:
        return standing.sequence
    if not 0 <= after <= standing.sequence:
        words = f"Sequence {str(after)[:20]}: the wallet stands at {standing.sequence}."
        raise wrong_field("after", words)
    return after


def sequence_of(text: str) -> int | None:
    """A sequence from a text; None where it is none."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_BIGINT))):
        return None
    return int(text)


def shown(standing: Standing) -> dict[str, str | int]:
    """A wallet as the first message tells it."""
    return standing._asdict()
