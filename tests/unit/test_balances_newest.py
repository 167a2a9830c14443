"""A batch of events leaves one balance of each wallet, the last one."""

from consumers.balances.newest import is_history, newest, record_of
from schemas import balances
from tests.told import MOMENT, WALLETS, told


def test_the_last_of_each_wallet_is_left() -> None:
    """Also where a wallet's events came twice."""
    came = [told(WALLETS[0], 5), told(WALLETS[1], 1), told(WALLETS[0], 6), told(WALLETS[0], 5)]
    found = newest(came)
    assert {wallet: each.event.sequence for wallet, each in found.items()} == {
        WALLETS[0]: 6,
        WALLETS[1]: 1,
    }


def test_a_record_tells_the_balance_after_the_event() -> None:
    """Under the event's id, with the places of command and event."""
    record = record_of(told(WALLETS[0], 5, offset=90))
    said = balances.decode(record.value)
    assert (said.wallet_id, said.sequence, said.recorded_at) == (WALLETS[0], 5, MOMENT)
    headers = dict(record.headers)
    assert headers["src"] == b"0:7"
    assert headers["event"] == b"0:90"
    assert headers["ce_type"] == balances.BALANCE.encode()
    assert record.key == WALLETS[0].encode()


def test_what_stood_there_before_is_history() -> None:
    """By where the log of its partition ended."""
    assert is_history(told(WALLETS[0], 1, offset=90), {0: 91})
    assert not is_history(told(WALLETS[0], 1, offset=91), {0: 91})
    assert not is_history(told(WALLETS[0], 1, offset=0), {})
