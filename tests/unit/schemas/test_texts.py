"""The quick texts of results and events are what the encoder gives, byte for byte."""

from hypothesis import given
from hypothesis import strategies as st

from schemas import events, results
from schemas.events import Balance, EntryBody, Event, TransactionBody
from schemas.results import CommandRef, Completed

WALLET = "01930f6e-3c00-7000-8000-00000000000a"
OTHER = "01930f6e-3c00-7000-8000-00000000000b"
MOMENT = "2026-11-20T10:00:00.123Z"
refs = st.builds(
    CommandRef,
    st.text(max_size=20),
    st.text(min_size=1, max_size=20),
    st.just("deposit.v1"),
    st.just("wallet.commands.v1"),
    st.integers(0, 99),
    st.integers(0, 2**60),
)
metadata = st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3)


@given(refs, st.integers(1, 2**60), st.integers(0, 2**60))
def test_a_completed_result(ref: CommandRef, sequence: int, other: int) -> None:
    """With one wallet or two in its sequences."""
    for seen in ({WALLET: sequence}, {WALLET: sequence, OTHER: other}):
        whole = Completed(ref, "completed", WALLET, "IRR", "5.00", sequence, OTHER, MOMENT, seen)
        wallet = (WALLET, "IRR", "5.00", sequence)
        text = results.completed_text(results.command_text(ref), wallet, OTHER, MOMENT, seen)
        assert text.encode() == results.encode(whole)


@given(refs, st.none() | st.text(max_size=9), metadata, st.none() | st.just("suspended"))
def test_an_event(
    ref: CommandRef, reference: str | None, said: dict[str, str], status: str | None
) -> None:
    """With all that a transaction can say, and with nothing."""
    body = TransactionBody(OTHER, "deposit", MOMENT, MOMENT, reference, said, status)
    bare = TransactionBody(OTHER, "deposit", MOMENT, MOMENT, None, {})
    pairs = [("world:deposits", "-5.00"), (WALLET, "5.00")]
    entries = [EntryBody(account, amount, "IRR") for account, amount in pairs]
    for transaction, text in (
        (body, events.transaction_text(body)),
        (bare, events.plain_transaction_text(OTHER, "deposit", MOMENT)),
    ):
        balance = Balance("1.00", "6.00")
        event = Event(WALLET, 7, "IRR", transaction, entries, balance, ref)
        shown = events.event_text(
            (WALLET, 7, "IRR"),
            text,
            events.entries_text((account, amount, "IRR") for account, amount in pairs),
            ("1.00", "6.00"),
            results.command_text(ref),
        )
        assert shown.encode() == events.encode(event)
