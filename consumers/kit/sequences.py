"""What is new among events, by the sequence of each wallet: pure, it is told what was before.

An event's id is made of its wallet and sequence. So the last sequence of each wallet says both
whether an event was there before, and whether one before it is missing.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from consumers.kit.reading import Told


class Gap(NamedTuple):
    """Events of a wallet that should stand before `told` and do not: `missing` of them."""

    told: Told
    missing: int


class News(NamedTuple):
    """What is new, in its order; where something is missing before it; how many came again."""

    fresh: list[Told]
    gaps: list[Gap]
    repeated: int
    last: dict[str, int]
    """Wallet -> its last sequence now, of those that have changed."""


def news(told: Sequence[Told], last: Mapping[str, int], *, is_whole: bool) -> News:
    """Sort out events of one partition, in the order of the log.

    `last` is the last sequence of each wallet that was seen before. Where the partition was read
    from its first event on (`is_whole`), a wallet not seen before begins with 1; else it begins
    with whatever comes first.
    """
    found = News([], [], 0, {})
    repeated = 0
    for each in told:
        wallet, sequence = each.event.wallet_id, each.event.sequence
        before = found.last.get(wallet, last.get(wallet))
        if before is None:
            before = 0 if is_whole else sequence - 1
        if sequence <= before:
            repeated += 1
            continue
        if sequence > before + 1:
            found.gaps.append(Gap(each, sequence - before - 1))
        found.fresh.append(each)
        found.last[wallet] = sequence
    return found._replace(repeated=repeated)
