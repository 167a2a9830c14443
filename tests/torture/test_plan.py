"""A seed is a plan: the same strikes, dice and commands whenever it is played."""

from collections import Counter
from itertools import islice

import pytest

from schemas.commands import Command, Exchange
from schemas.decoding import Unreadable, decode
from schemas.identifiers import partition_of
from schemas.money import parse
from wallet.torture import poison
from wallet.torture.draw import SOURCE, Draft, Drawer, Shares
from wallet.torture.kinds import KINDS
from wallet.torture.plan import Strike, strikes

KINDS_MADE = [make() for make in KINDS]


def plan(seed: int, count: int = 60) -> list[tuple[int, float, float]]:
    """Kind, pause and the first throw of the dice of the first turns."""
    turns = islice(strikes(seed, KINDS_MADE), count)
    return [(turn.kind, turn.pause, turn.dice.random()) for turn in turns]


def test_a_seed_gives_the_same_plan_again() -> None:
    """And another seed another one."""
    assert plan(1) == plan(1)
    assert plan(1) != plan(2)


def test_every_kind_comes_in_the_first_turns() -> None:
    """Then the rest of the round, each kind as often as its weight says."""
    whole = sum(kind.weight for kind in KINDS_MADE)
    kinds = [kind for kind, _, _ in plan(3, whole)]
    assert sorted(kinds[: len(KINDS_MADE)]) == list(range(len(KINDS_MADE)))
    assert Counter(kinds) == {n: kind.weight for n, kind in enumerate(KINDS_MADE)}


def test_without_kinds_there_is_no_strike() -> None:
    """Only the load's own faults were asked for."""
    assert list(strikes(1, [])) == list[Strike]()


def drawn(seed: int, count: int = 3000, **shares: bool) -> list[Draft]:
    """The first records of a seed's load."""
    drawer = Drawer(seed, 10, 4, Shares(**shares))
    return [drawer.draw() for _ in range(count)]


def test_a_seed_gives_the_same_load_again() -> None:
    """Keys, values and partitions; only the time of sending differs."""
    one, two = ([each.raw._replace(headers=()) for each in drawn(7)] for _ in range(2))
    assert one == two


def test_the_load_has_what_was_asked_for() -> None:
    """Duplicates of three sorts, poison, withdrawals; or none of them."""
    all_of_it = Counter(each.share for each in drawn(5, withdrawals=True))
    assert set(all_of_it) == {
        *("commands", "repeats", "reused", "misplaced", "poison", "receipted")
    }
    none = Counter(each.share for each in drawn(5, poison=False, duplicates=False))
    assert set(none) == {"commands"}


def test_money_is_exchanged_both_ways() -> None:
    """What leaves a wallet and what arrives in another are of different currencies."""
    drawer = Drawer(5, 10, 4, Shares(poison=False, duplicates=False))
    ways = Counter[bool]()
    for _ in range(1000):
        draft = drawer.draw()
        said = decode(draft.raw.key, draft.raw.value, draft.raw.headers)
        if isinstance(said, Command) and isinstance(said.data, Exchange):
            (own, lost), (other, got) = draft.effect
            assert (own, other) == (said.data.wallet_id, said.data.to_wallet_id)
            assert len({own, other} & set(drawer.foreign)) == 1
            currencies = ("JPY", "IRR") if own in drawer.foreign else ("IRR", "JPY")
            amounts = [
                parse(amount, currency)
                for amount, currency in zip(
                    (said.data.amount, said.data.to_amount), currencies, strict=True
                )
            ]
            assert amounts == [-lost, got]
            ways[own in drawer.foreign] += 1
    assert min(ways[True], ways[False]) > 0


def test_a_repetition_says_the_same_and_a_reuse_does_not() -> None:
    """Under an id that was used before."""
    values: dict[str, set[bytes | None]] = {}
    for each in drawn(9):
        known = values.setdefault(each.id, set()) if each.id else set()
        assert each.share != "repeats" or each.raw.value in known
        assert each.share != "reused" or (known and each.raw.value not in known)
        known.add(each.raw.value)


def test_what_is_misplaced_is_not_at_home() -> None:
    """On a partition that is not its wallet's."""
    found = [each.raw for each in drawn(9) if each.share == "misplaced"]
    assert found
    for raw in found:
        assert raw.key is not None
        assert partition_of(raw.key.decode(), 4) != raw.partition


@pytest.mark.parametrize("kind", poison.KINDS, ids=lambda kind: str(kind[0]))
def test_poison_is_buried_where_no_id_can_be_read(kind: tuple[str, object, poison.Fate]) -> None:
    """The fate that the account expects is what the decoder says of the record."""
    _, make, (told, buried) = kind
    wallet = "0190f5a0-0000-4000-8000-000000000001"
    raw = make(poison.Victim(wallet, SOURCE, "an id"))  # type: ignore[operator]
    read = decode(raw.key, raw.value, raw.headers)
    if isinstance(read, Unreadable):
        assert (told, buried) == (0, 1)
    else:
        assert told == 1
        assert bool(getattr(read, "dead", None)) == bool(buried)
