"""Records that anybody may have written: whoever follows a topic passes them over and goes on."""

import threading
from typing import Any, cast

import msgspec
import psycopg2
import pytest
from confluent_kafka import Message, TopicPartition
from structlog.testing import capture_logs

from consumers.delayed import process as delayed
from consumers.delayed.process import Delayed
from consumers.delayed.timer import Timer
from consumers.delayed.window import Due
from consumers.kit.reading import UnreadableError, read
from consumers.receipts import process as receipts
from consumers.receipts.facts import Chosen, Facts
from consumers.receipts.process import Receipts
from consumers.withdrawals.following import hear
from producers.http.console import record as console
from producers.listener import Listener
from schemas import events, results
from schemas.events import WITHDRAWAL_STEPS, EntryBody, WithdrawalStep, encode_step
from schemas.results import Completed, WithdrawalBody
from schemas.settings import Settings
from tests.told import COMMAND, MOMENT, WALLETS, told
from wallet.failure import Failure
from wallet.replay import recorded
from wallet.replay.reading import Span

SETTINGS = Settings()
WALLET, ID, OTHER = WALLETS[:3]
DEEP = b'{"kind":"transfer", "new": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"
WRONG = (DEEP, b'{"kind":"transfer", "\xff": 1}', b'{"kind":"transfer"', b"[]")

Headers = list[tuple[str, str | bytes | None]]


class Veiled:
    """A record with a header whose name is no UTF-8, as confluent-kafka hands it out."""

    def __init__(self, record: Message) -> None:
        self._record = record

    def headers(self) -> Headers:
        """Break off as it does, whose list then ends the process."""
        raise SystemError("returned a result with an exception set")

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - all else is the record's
        return getattr(self._record, name)


def veiled(record: Message) -> Message:
    """The same record, with one header more."""
    return cast("Message", Veiled(record))


def step(withdrawal_id: str, due_at: str = MOMENT, value: bytes | None = None) -> Message:
    """A record of the delayed topic that tells of a withdrawal that was scheduled."""
    body = WithdrawalBody(withdrawal_id, "scheduled", "5.00", "EUR", due_at)
    said = encode_step(WithdrawalStep(WALLET, body, MOMENT, COMMAND))
    headers: Headers = [("ce_type", WITHDRAWAL_STEPS["scheduled"].encode())]
    return Message("scheduled", 0, 17, b"", said if value is None else value, headers)


def event(value: bytes) -> Message:
    """A record of the events topic."""
    headers: Headers = [("ce_id", told(WALLET, 1).id.encode()), ("ce_type", b"t"), ("number", b"0")]
    return Message("events", 0, 17, WALLET.encode(), value, headers)


@pytest.mark.parametrize("value", WRONG)
def test_the_kit_is_told_why(value: bytes) -> None:
    """So that it can be parked."""
    good = event(events.encode(told(WALLET, 1).event))
    assert read(good).event.wallet_id == WALLET
    with pytest.raises(UnreadableError):
        read(event(value))
    with pytest.raises(UnreadableError):
        read(veiled(good))


@pytest.mark.parametrize(
    ("wallet", "sequence"), [("no-uuid", 1), ("\0", 1), (WALLET, 0), (WALLET, 2**63)]
)
def test_the_kit_is_told_of_numbers_that_no_table_takes(wallet: str, sequence: int) -> None:
    """Under the id that would be theirs: PostgreSQL would refuse the batch, again and again."""
    wrong = told(wallet, sequence)
    headers: Headers = [("ce_id", wrong.id.encode()), ("ce_type", b"t")]
    with pytest.raises(UnreadableError, match="no UUID and a number from 1 to"):
        read(Message("events", 0, 17, b"", events.encode(wrong.event), headers))


def test_the_bank_caller_passes_it_over() -> None:
    """PostgreSQL has the same."""
    body = WithdrawalBody(ID, "executing", "5.00", "EUR", MOMENT)
    said = encode_step(WithdrawalStep(WALLET, body, MOMENT, COMMAND))
    headers: Headers = [("ce_type", WITHDRAWAL_STEPS["executing"].encode())]
    home = COMMAND.partition
    good, *bad = (Message("scheduled", home, 1, b"", value, headers) for value in (said, *WRONG))
    heard = hear([*bad, veiled(good), good], 100.0, COMMAND.topic)
    assert [case.order.withdrawal_id for case in heard.begun] == [ID]


def test_the_delayed_consumer_passes_it_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a moment without a time zone, and what is no withdrawal's id."""
    naive, nameless = step(OTHER, "2026-11-20T10:00:00"), step("x")
    wrong = [naive, nameless, *(step(OTHER, value=value) for value in WRONG)]
    heard: list[Due] = []

    class Owned:
        def __init__(self, *_: object, slot: str | None) -> None:
            self.slot = slot

        def poll(self, _: float) -> list[Message]:
            return [*wrong, veiled(step(ID))]

    class Rows:
        def __init__(self, _: Settings) -> None:
            pass

        def look(self) -> None:
            raise psycopg2.OperationalError("nobody is asked here")

    monkeypatch.setattr(Timer, "scheduled", lambda _, __, due: heard.append(due))
    monkeypatch.setattr(delayed, "Owned", Owned)
    monkeypatch.setattr(delayed, "Rows", Rows)
    with capture_logs() as logged:
        Delayed(SETTINGS, None).turn()
    assert [(due.withdrawal_id, due.wallet_id) for due in heard] == [(ID, WALLET)]
    assert [each["event"] for each in logged].count("no step of a withdrawal") == len(wrong)


def transfer(*entries: EntryBody) -> bytes:
    """An event of a transfer that has these entries."""
    said = told(WALLET, 1).event
    kind = msgspec.structs.replace(said.transaction, kind="transfer")
    return events.encode(msgspec.structs.replace(said, transaction=kind, entries=list(entries)))


def test_the_maker_of_receipts_passes_it_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a transfer that nobody has paid."""
    paid, got = EntryBody(WALLET, "-5.00", "EUR"), EntryBody(OTHER, "5.00", "EUR")
    came = [event(value) for value in (*WRONG, transfer(), transfer(paid, got))]
    made: list[Facts] = []

    class Making:
        chosen = Chosen(["*"], 4)
        make = staticmethod(made.extend)

        def __init__(self, *_: object) -> None:
            pass

        def is_missing(self, facts: Facts) -> bool:
            return facts not in made

    class Following:
        def __init__(self, *_: object) -> None:
            pass

        def poll(self, _: float) -> list[Message]:
            return came

        def done(self, *, at_once: bool) -> None:
            assert at_once

    monkeypatch.setattr(receipts, "Making", Making)
    monkeypatch.setattr(receipts, "Following", Following)
    with capture_logs() as logged:
        Receipts(SETTINGS, "1", threading.Event()).turn()
    assert [(each.sender, each.receiver) for each in made] == [(WALLET, OTHER)]
    assert [each["event"] for each in logged].count("no event, passed over") == len(came) - 2, (
        "a list is none"
    )


def test_a_client_is_not_deafened() -> None:
    """By a result that is none; it goes by the value where the headers cannot be given."""
    result = Completed(COMMAND, "completed", WALLET, "EUR", "5.00", 1, ID, MOMENT, {WALLET: 1})
    good, *bad = (Message("results", 0, 1, b"", each) for each in (results.encode(result), *WRONG))
    answered: list[str] = []
    listener = Listener(SETTINGS, lambda _: True, lambda told: answered.append(told.command.id))
    try:
        for record in (*bad, veiled(good), good):
            listener._take(record)  # noqa: SLF001 - what its thread does with what it hears
    finally:
        listener.close()
    assert answered == [COMMAND.id] * 2


@pytest.mark.parametrize("value", WRONG)
def test_a_replay_says_where_it_stands(monkeypatch: pytest.MonkeyPatch, value: bytes) -> None:
    """A result that is none is a failure of one line."""
    wrong = Message("results", 3, 17, b"", value)
    monkeypatch.setattr(recorded, "runs", lambda *_, committed: [[wrong]] if committed else [])
    with pytest.raises(Failure, match=r"results\[3\] at 17 is no result"):
        list(recorded.recorded(SETTINGS, Span("results", 3, 0, 20), 0, 20))
    assert recorded.source_offset(veiled(wrong)) == recorded.event_number(veiled(wrong)) == -1


def test_the_console_shows_it_without_its_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they cannot be given."""

    class Consumer:
        def __init__(self, _: object) -> None:
            self.is_closed = False

        def assign(self, places: list[TopicPartition]) -> None:
            assert [(place.partition, place.offset) for place in places] == [(0, 17)]

        def poll(self, _: float) -> Message:
            return veiled(Message("commands", 0, 17, b"key", b"value", [("fine", b"1")]))

        def close(self) -> None:
            self.is_closed = True

    monkeypatch.setattr(console, "Consumer", Consumer)
    found = console.record_at(SETTINGS, 0, 17)
    assert found is not None
    assert (found.key, found.headers, found.value) == ("key", [], "value")
