"""The transport notes no gaps between runs: Faust would keep and merge them for ever."""

import asyncio
from collections import defaultdict
from types import SimpleNamespace

from faust.types import TP

from streams.transport import LedgerConsumer


def test_a_run_leaves_no_gap() -> None:
    """What Faust takes for missing between two runs is not remembered."""
    gaps: dict[TP, SimpleNamespace] = defaultdict(SimpleNamespace)
    place = TP("wallet.commands.v1", 0)
    consumer = SimpleNamespace(_gap=gaps, _committed_offset={place: None})
    asyncio.run(vars(LedgerConsumer)["_add_gap"](consumer, place, 1, 9))
    assert not gaps
