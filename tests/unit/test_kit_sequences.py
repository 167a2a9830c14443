"""What is new among events is told by the sequences of their wallets."""

from hypothesis import given
from hypothesis import strategies as st

from consumers.kit.sequences import news
from tests.told import WALLETS, told


def test_what_follows_on_is_new() -> None:
    """Wallet by wallet, in the order of the log."""
    came = [told(WALLETS[0], 5), told(WALLETS[1], 1), told(WALLETS[0], 6)]
    found = news(came, {WALLETS[0]: 4}, is_whole=True)
    assert found.fresh == came
    assert (found.gaps, found.repeated) == ([], 0)
    assert found.last == {WALLETS[0]: 6, WALLETS[1]: 1}


def test_what_was_there_is_passed_over() -> None:
    """Whether it was in an earlier batch or in this one."""
    came = [told(WALLETS[0], 4), told(WALLETS[0], 5), told(WALLETS[0], 5)]
    found = news(came, {WALLETS[0]: 4}, is_whole=True)
    assert [each.event.sequence for each in found.fresh] == [5]
    assert found.repeated == 2


def test_what_is_missing_is_told() -> None:
    """With how many there are, before which event."""
    came = [told(WALLETS[0], 8)]
    (gap,) = news(came, {WALLETS[0]: 5}, is_whole=True).gaps
    assert (gap.missing, gap.told) == (2, came[0])


def test_a_wallet_not_seen_before_begins_with_1_where_all_was_read() -> None:
    """And with whatever comes first where the reading began in the middle."""
    came = [told(WALLETS[0], 3)]
    assert [gap.missing for gap in news(came, {}, is_whole=True).gaps] == [2]
    assert news(came, {}, is_whole=False).gaps == []


@given(
    st.lists(st.tuples(st.sampled_from(WALLETS), st.integers(1, 6)), max_size=30),
    st.integers(0, 30),
)
def test_however_it_is_cut_into_batches(drawn: list[tuple[str, int]], cut: int) -> None:
    """Two batches find what one finds, and no event is new twice."""
    came = [told(wallet, sequence) for wallet, sequence in drawn]
    whole = news(came, {}, is_whole=True)
    first = news(came[:cut], {}, is_whole=True)
    second = news(came[cut:], first.last, is_whole=True)
    assert first.fresh + second.fresh == whole.fresh
    assert first.gaps + second.gaps == whole.gaps
    assert first.last | second.last == whole.last
    ids = [each.id for each in whole.fresh]
    assert len(ids) == len(set(ids))
