"""A publisher asks until a node answers that stays, and shuts nobody out before it is told to."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

import pytest

from schemas.settings import Settings
from streams.publisher import CONNECTING, Publisher
from streams.rows import Place

BOOTSTRAP = -1


class Metadata(NamedTuple):
    """What a broker tells."""

    orig_broker_id: int


class PaperProducer:
    """A producer whose questions are answered by these nodes, one after the other."""

    def __init__(self, nodes: Iterator[int]) -> None:
        self._nodes = nodes
        self.calls: list[str] = []

    def list_topics(self, _topic: str, **_: float) -> Metadata:
        """Answer."""
        self.calls.append("ask")
        return Metadata(next(self._nodes))

    def init_transactions(self, _timeout: float) -> None:
        """Shut the last producer out."""
        self.calls.append("fence")


@pytest.mark.parametrize(
    ("nodes", "asked"),
    [((2,), 1), ((BOOTSTRAP, 1), 2), ((BOOTSTRAP,) * 99, CONNECTING)],
)
def test_it_asks_until_a_node_answers(nodes: tuple[int, ...], asked: int) -> None:
    """Not for ever: where the given address is no node's, its connection stays and will do."""
    producer = PaperProducer(iter(nodes))
    publisher = Publisher(Settings(), Place("commands", 0, 1), cast("Any", lambda _: producer))
    assert producer.calls == ["ask"] * asked
    publisher.fence()
    assert producer.calls[asked:] == ["fence"]
