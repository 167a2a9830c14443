"""The plan of a seed: which kinds of fault strike, in which order, after which pauses."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final, NamedTuple

from wallet.torture.faults import Fault

PAUSES: Final = (0.3, 2.5)
"""Seconds of calm before a strike: drawn between these, so that it meets any moment of the work."""


class Strike(NamedTuple):
    """One turn of the plan. `kind` is the position of the kind; the dice are its own."""

    turn: int
    kind: int
    pause: float
    dice: Random


def strikes(seed: int, kinds: Sequence[Fault]) -> Iterator[Strike]:
    """The turns of a seed, without end; they depend on nothing else but the kinds.

    They come in rounds. Each round has every kind as often as its weight says, shuffled: so a
    short run has met as many kinds as it has had turns.
    """
    random = Random(f"{seed} plan")  # noqa: S311 - chance that repeats is what is wanted
    turn = 0
    while kinds:
        each = range(len(kinds))
        first = random.sample(each, len(each))
        rest = [kind for kind in each for _ in range(kinds[kind].weight - 1)]
        random.shuffle(rest)
        for kind in (*first, *rest):
            turn += 1
            pause = round(random.uniform(*PAUSES), 3)
            yield Strike(turn, kind, pause, Random(f"{seed} strike {turn}"))  # noqa: S311 - as above
