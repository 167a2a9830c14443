"""The auditor's oracle: its rules stand on their own, so they are tested on their own."""

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal, localcontext

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumers.audit.books import Place
from consumers.audit.rules import RULES
from schemas import events, results
from schemas.accounts import WORLD_CREDIT, WORLD_TRANSIT
from schemas.commands import TYPES
from schemas.decoding import decode
from schemas.results import Completed
from schemas.statuses import IN_TRANSIT
from tests.oracle_world import NOW, NOW_MS, A, B, C, World


@pytest.fixture
def world() -> World:
    """An oracle that has heard nothing."""
    return World()


def test_there_is_a_rule_for_every_command() -> None:
    """A new type of command without a rule would be an error in the middle of an audit."""
    assert set(RULES) == set(TYPES)


def test_a_wallet_begins_empty_at_sequence_1(world: World) -> None:
    """Its first event has no entries: no money moved."""
    answer = world.say("wallet.create", currency="USD", metadata={"b": "1", "a": "2"})
    assert answer is not None
    assert msgspec.to_builtins(answer.result) == {
        "command": {
            "source": "/test",
            "id": "c0",
            "type": "wallet.create.v1",
            "topic": "commands",
            "partition": 0,
            "offset": 0,
        },
        "status": "completed",
        "wallet_id": A,
        "currency": "USD",
        "balance": "0.00",
        "sequence": 1,
        "transaction_id": answer.result.transaction_id,  # type: ignore[union-attr]
        "recorded_at": NOW,
        "sequences": {A: 1},
    }
    (event,) = answer.events
    assert (event.sequence, event.entries, event.balance.after) == (1, [], "0.00")
    assert list(event.transaction.metadata) == ["b", "a"]
    assert world.refused("wallet.create").error.code == "wallet_exists"


def test_a_transfer_has_one_event_for_each_wallet(world: World) -> None:
    """Both tell the same posting, debit first, and their own balance."""
    world.open(A, B)
    answer = world.say("transfer", A, to_wallet_id=B, amount="30", reference="r")
    assert answer is not None
    assert dict(answer.result.sequences) == {A: 3, B: 3}
    payer, receiver = answer.events
    assert payer.entries == receiver.entries
    assert [(e.account, e.amount) for e in payer.entries] == [(A, "-30.00"), (B, "30.00")]
    assert (payer.balance.before, payer.balance.after) == ("100.00", "70.00")
    assert (receiver.balance.before, receiver.balance.after) == ("100.00", "130.00")
    assert payer.transaction.effective_at == payer.transaction.recorded_at == NOW


def test_refusals_name_the_numbers_and_the_wallets_looked_at(world: World) -> None:
    """A refused command has its place in the order too: it tells what it saw."""
    world.open(A, amount="3")
    refused = world.refused("charge_sale", phone_number="+989120000000", amount="5.00")
    assert refused.error.context == {"available": "3.00", "required": "5.00", "shortage": "2.00"}
    assert refused.sequences == {A: 2}
    refused = world.refused("transfer", A, to_wallet_id=B, amount="1")
    assert (refused.error.code, refused.error.param) == ("wallet_not_found", "to_wallet_id")
    assert refused.sequences == {A: 2, B: 0}
    assert world.refused("transfer", A, to_wallet_id=A, amount="1").sequences == {A: 2}


@pytest.mark.parametrize(
    ("kind", "data", "code", "param"),
    [
        ("deposit", {"amount": "1", "currency": "USD"}, "currency_mismatch", "currency"),
        ("deposit", {"amount": "0"}, "amount_not_positive", "amount"),
        ("deposit", {"amount": "0.001"}, "amount_precision", "amount"),
        ("deposit", {"amount": "9" * 37}, "amount_too_large", "amount"),
        ("transfer", {"amount": "1", "to_wallet_id": A}, "same_wallet", "to_wallet_id"),
        ("transfer", {"amount": "1", "to_wallet_id": C}, "currency_mismatch", "to_wallet_id"),
        ("transfer", {"amount": "101", "to_wallet_id": B}, "insufficient_funds", "amount"),
        ("refund", {"transaction_id": A}, "transaction_not_found", "transaction_id"),
        ("deposit", {"amount": "1", "expirytime": "2020-01-01T00:00:00Z"}, "command_expired", None),
    ],
)
def test_refusals(
    world: World, kind: str, data: dict[str, object], code: str, param: str | None
) -> None:
    """Each rule refuses what it must."""
    world.open(A, B)
    world.open(C, currency="USD")
    error = world.refused(kind, **data).error
    assert (error.code, error.param) == (code, param or "expirytime")


def test_money_only_moves_between_active_wallets(world: World) -> None:
    """Own wallet first, then the other; a status can be set again and again."""
    world.open(A, B)
    world.done("wallet.set_status", B, status="suspended")
    refused = world.refused("transfer", A, to_wallet_id=B, amount="1").error
    assert (refused.param, refused.context["status"]) == ("to_wallet_id", "suspended")
    assert world.refused("deposit", B, amount="1").error.code == "wallet_not_active"
    assert world.done("wallet.set_status", B, status="active").sequence == 4


def test_a_status_is_set_as_the_wallet_was_seen(world: World) -> None:
    """At another sequence nothing is done, and both numbers are told."""
    world.open(A)
    assert world.done("wallet.set_status", A, status="suspended", if_sequence=2).sequence == 3
    refused = world.refused("wallet.set_status", A, status="active", if_sequence=2).error
    assert (refused.code, refused.param) == ("sequence_mismatch", "if_sequence")
    assert refused.context == {"wallet_id": A, "sequence": "3", "if_sequence": "2"}


def test_a_refund_gives_back_no_more_than_was_paid(world: World) -> None:
    """In parts, then all that is left, then nothing; and only to the wallet that paid."""
    world.open(A, B)
    paid = world.done("transfer", A, to_wallet_id=B, amount="50").transaction_id
    assert world.done("refund", A, transaction_id=paid, amount="20").balance == "70.00"
    over = world.refused("refund", A, transaction_id=paid, amount="31").error
    assert over.context == {"paid": "50.00", "refunded": "20.00", "refundable": "30.00"}
    assert world.refused("refund", B, transaction_id=paid).error.code == "transaction_not_found"
    rest = world.done("refund", A, transaction_id=paid)
    assert (rest.balance, dict(rest.sequences)) == ("100.00", {A: 5, B: 5})
    assert world.refused("refund", A, transaction_id=paid).error.code == "already_refunded"
    again = world.refused("refund", A, transaction_id=rest.transaction_id)
    assert again.error.code == "transaction_not_found"


def test_a_refund_needs_the_money_to_be_there(world: World) -> None:
    """What the receiver has spent cannot be given back."""
    world.open(A, B, amount="10")
    paid = world.done("transfer", A, to_wallet_id=B, amount="10").transaction_id
    world.done("charge_sale", B, phone_number="+989120000000", amount="15")
    error = world.refused("refund", A, transaction_id=paid).error
    assert error.code == "insufficient_funds"
    assert error.context["available"] == "5.00"


def test_a_command_is_answered_once(world: World) -> None:
    """The same content again: silence. Other content: one refusal for each content."""
    world.open(A)
    assert world.say("deposit", A, amount="1", id="x") is not None
    assert world.say("deposit", A, amount="1", id="x") is None
    assert world.refused("deposit", A, amount="2", id="x").error.code == "idempotency_key_reused"
    assert world.say("deposit", A, amount="2", id="x") is None
    assert world.refused("deposit", A, amount="3", id="x").sequences == {}


def test_an_unreadable_record_is_met_with_silence(world: World) -> None:
    """It has no id that an answer could name."""
    assert world.oracle.answer(decode(None, b"{"), Place(0, 0, NOW_MS)) is None


def test_a_command_expires_after_its_moment_not_at_it(world: World) -> None:
    """The clock is the broker's, in milliseconds."""
    world.open(A)
    world.done("deposit", A, amount="1", expirytime=NOW)
    error = world.refused("deposit", A, amount="1", expirytime=NOW.replace("123Z", "122999Z")).error
    assert error.context == {"expirytime": NOW.replace("123Z", "122Z"), "recorded_at": NOW}
    assert datetime.fromisoformat(NOW) == datetime.fromtimestamp(NOW_MS / 1000, UTC)


WALLETS = st.sampled_from((A, B, C))
AMOUNTS = st.one_of(
    st.decimals("0.01", "60", places=2).map(str), st.sampled_from(("0", "9" * 36, "1.234"))
)
SAID = st.one_of(
    st.tuples(st.just("wallet.create"), WALLETS, st.just({"currency": "IRR"})),
    st.tuples(st.just("deposit"), WALLETS, st.fixed_dictionaries({"amount": AMOUNTS})),
    st.tuples(
        st.just("charge_sale"),
        WALLETS,
        st.fixed_dictionaries(
            {"amount": AMOUNTS, "phone_number": st.just("+989120000000")},
            optional={"to_wallet_id": WALLETS},
        ),
    ),
    st.tuples(
        st.just("transfer"),
        WALLETS,
        st.fixed_dictionaries({"amount": AMOUNTS, "to_wallet_id": WALLETS}),
    ),
    st.tuples(
        st.just("wallet.set_status"),
        WALLETS,
        st.fixed_dictionaries(
            {"status": st.sampled_from(("active", "active", "suspended"))},
            optional={"if_sequence": st.integers(1, 6)},
        ),
    ),
    st.tuples(st.just("refund"), WALLETS, st.fixed_dictionaries({"nth": st.integers(0, 20)})),
    st.tuples(
        st.just("withdrawal.schedule"),
        WALLETS,
        st.fixed_dictionaries(
            {"amount": AMOUNTS, "delay": st.integers(1, 3)},
            optional={"target": st.one_of(WALLETS, st.just("17"))},
        ),
    ),
    st.tuples(
        st.just("credit_request.create"), WALLETS, st.fixed_dictionaries({"amount": AMOUNTS})
    ),
    st.tuples(
        st.sampled_from(("credit_request.approve", "credit_request.reject")),
        WALLETS,
        st.fixed_dictionaries({"nth": st.integers(0, 20)}),
    ),
    st.tuples(
        st.sampled_from(("cancel", "execute", "execute", "settle", "fail", "review")).map(
            "withdrawal.{}".format
        ),
        WALLETS,
        st.fixed_dictionaries({"nth": st.integers(0, 20)}),
    ),
)

MAKES = {"withdrawal.schedule": "withdrawal", "credit_request.create": "credit_request"}
"""What a command makes that later ones name; of all others it is a payment, perhaps."""


@given(st.lists(SAID, max_size=40))
@example([("wallet.create", C, {"currency": "IRR"}), ("deposit", C, {"amount": "9" * 36})])
def test_any_commands_keep_the_books(said: list[tuple[str, str, dict[str, object]]]) -> None:
    """Postings sum to zero, balances are sums and never negative, sequences have no gap.

    What is in transit is what the withdrawals hold that have been executed and have not ended; what
    was given on credit is what was approved.
    """
    world = World()
    world.open(A, B)
    balances = {A: Decimal(100), B: Decimal(100)}
    sequences = defaultdict(int, {A: 2, B: 2})
    done: dict[str, list[str]] = {"refund": [], "withdrawal": [], "credit_request": []}
    transit = credit = Decimal(0)
    for kind, wallet, data in said:
        world.now_ms += 1000
        known = done.get(kind.partition(".")[0], [])
        answer = world.say(kind, wallet, **_meant(kind, data, known))
        assert answer is not None
        assert results.decode(results.encode(answer.result)).status == answer.result.status
        if isinstance(answer.result, Completed):
            done[MAKES.get(kind, "refund")].append(answer.result.transaction_id)
        for event in answer.events:
            _keeps_the_books(event, balances, sequences)
        with localcontext(prec=60):
            transit += sum(_moved(event, WORLD_TRANSIT) for event in answer.events[:1])
            credit -= sum(_moved(event, WORLD_CREDIT) for event in answer.events[:1])
            assert (transit, credit) == (_held(world), _approved(world))
    left = {wallet.wallet_id: wallet.sequence for wallet in world.oracle.books.wallets.values()}
    assert left == {wallet: number for wallet, number in sequences.items() if number}


def _meant(kind: str, data: dict[str, object], known: list[str]) -> dict[str, object]:
    """The data of a command that names the nth thing known, with what else its type asks for."""
    meant = dict(data)
    if "nth" in meant:
        nth = meant.pop("nth")
        assert isinstance(nth, int)
        noun = kind.partition(".")[0]
        meant["transaction_id" if kind == "refund" else f"{noun}_id"] = (
            known[nth % len(known)] if known else A
        )
    if kind in ("withdrawal.fail", "withdrawal.review"):
        meant["reason"] = "said so"
    return meant


def _moved(event: events.Event, account: str) -> Decimal:
    """What a posting moved to an account of the world."""
    moved = (e.amount for e in event.entries if e.account == account)
    return sum(map(Decimal, moved), Decimal(0))


def _held(world: World) -> Decimal:
    """What the unfinished withdrawals hold, in major units."""
    withdrawals = world.oracle.books.withdrawals.values()
    held = sum(each.amount_minor for each in withdrawals if each.status in IN_TRANSIT)
    return Decimal(held).scaleb(-2)


def _approved(world: World) -> Decimal:
    """What the approved credit requests asked for, in major units."""
    requests = world.oracle.books.credit_requests.values()
    given = sum(each.amount_minor for each in requests if each.status == "approved")
    return Decimal(given).scaleb(-2)


def _keeps_the_books(
    event: events.Event, balances: dict[str, Decimal], sequences: dict[str, int]
) -> None:
    with localcontext(prec=60):  # amounts have up to 38 digits, the usual context 28
        amounts = [(entry.account, Decimal(entry.amount)) for entry in event.entries]
        assert sum(amount for _, amount in amounts) == 0
        before = balances.get(event.wallet_id, Decimal(0))
        after = before + sum(amount for account, amount in amounts if account == event.wallet_id)
        assert (Decimal(event.balance.before), Decimal(event.balance.after)) == (before, after)
    assert after >= 0
    assert event.sequence == sequences[event.wallet_id] + 1
    balances[event.wallet_id] = after
    sequences[event.wallet_id] = event.sequence
