"""The last record of a log, where its leader is new and does not know yet how far it goes."""

from typing import Any

from confluent_kafka import KafkaError

from producers.tails import Tail, Tails
from schemas.settings import Settings


class News:
    """A record with its own offset as the header `src`, or the end of the partition."""

    def __init__(self, offset: int, *, is_end: bool = False) -> None:
        self._offset = offset
        self._is_end = is_end

    def topic(self) -> str:
        """The only one."""
        return "results"

    def offset(self) -> int:
        """Of the record, or of the end."""
        return self._offset

    def error(self) -> KafkaError | None:
        """The end is told as one."""
        return KafkaError(KafkaError._PARTITION_EOF) if self._is_end else None  # noqa: SLF001 - as told

    def headers(self) -> list[tuple[str, bytes]]:
        """One."""
        return [("src", b"%d" % self._offset)]


class Leader:
    """A consumer of a leader that tells this."""

    def __init__(self, *told: News) -> None:
        self._told = iter(told)

    def assign(self, _: object) -> None:
        """Whatever is read."""

    def poll(self, _: float) -> Any:  # noqa: ANN401 - as a message
        """The next, or silence."""
        return next(self._told, None)

    def close(self) -> None:
        """Nothing is open."""


def test_an_end_before_the_known_one_is_none() -> None:
    """A new leader's: what stands behind it was told before, and would be told again."""
    leader = Leader(News(4), News(5, is_end=True), News(5), News(7, is_end=True))
    with Tails(Settings(), make=lambda _: leader) as tails:  # type: ignore[arg-type,return-value] # a stand-in
        last = tails.last(0, {"results": "src"}, {"results": (0, 7)})
    assert last == {"results": Tail(0, 7, b"5")}
