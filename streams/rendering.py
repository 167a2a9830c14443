"""What is said of a decision: the bytes and headers of results, events and dead letters.

The same functions serve a batch and the claim that publishes it again, so that what the database
stores and what the log says cannot differ (invariant I4). Pure.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from schemas import events, identifiers, results
from schemas.commands import TYPES, kind_of
from schemas.events import TransactionBody
from schemas.money import show
from schemas.results import CommandRef, CreditRequestBody, WithdrawalBody
from streams.books import Entry

SOURCE: Final = b"/wallet-streams/ledger"
_CONTENT_TYPE: Final = ("content-type", b"application/json")
_VERSION: Final = ("ce_specversion", b"1.0")
_SOURCE: Final = ("ce_source", SOURCE)

Header = tuple[str, str | bytes | None]
HeaderList = list[Header]
"""As confluent-kafka takes them; ours are all bytes."""


class Message(msgspec.Struct, gc=False):
    """One record to publish on the batch's partition of a topic.

    It is about a wallet (the key) and has a body (the value), texts or bytes as they are at hand.
    `shared` are headers of all that is said of a command, or simply all. One that is known by its
    id and kind has more, which are put together when they are asked for: a batch holds thousands.
    """

    about: str | bytes | None
    body: str | bytes | None
    shared: HeaderList
    id: str = ""
    kind: Header | None = None
    number: int | None = None
    """Of an event, on its partition; given once it is known."""

    @property
    def key(self) -> bytes | None:
        """The key as it is in the log."""
        return self.about.encode() if isinstance(self.about, str) else self.about

    @property
    def value(self) -> bytes | None:
        """The value as it is in the log."""
        return self.body.encode() if isinstance(self.body, str) else self.body

    @property
    def headers(self) -> HeaderList:
        """All headers, in their order."""
        if self.kind is None:
            return self.shared
        headers = [*self.shared, ("ce_id", self.id.encode()), self.kind]
        if isinstance(self.about, str):
            headers.append(("ce_subject", self.about.encode()))
        if self.number is not None:
            headers.append(("number", b"%d" % self.number))
        return headers


class Details(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What events and headers say beyond the result; stored beside it (commands.details)."""

    effective_at: str | None = None
    reference: str | None = None
    metadata: dict[str, str] | None = None
    status: str | None = None
    extras: dict[str, str] | None = None
    phone_number: str | None = None


COMPLETED: Final[Header] = ("ce_type", results.COMPLETED.encode())
REJECTED: Final[Header] = ("ce_type", results.REJECTED.encode())
KINDS: Final = {name: kind_of(name) for name in TYPES}
"""Type of a command -> kind of its transaction."""
EVENT_KINDS: Final[dict[str, Header]] = {
    kind: ("ce_type", name.encode()) for kind, name in events.EVENT_TYPES.items()
}
STEP_KINDS: Final[dict[str, Header]] = {
    status: ("ce_type", name.encode()) for status, name in events.WITHDRAWAL_STEPS.items()
}

NO_DETAILS: Final = Details()
_encode: Final = msgspec.json.Encoder().encode
_decode_details: Final = msgspec.json.Decoder(Details).decode
_decode_extras: Final = msgspec.json.Decoder(dict[str, str]).decode


def details_text(details: Details) -> str:
    """The JSON text of details; empty when there is nothing to say."""
    if details.extras is not None or not _tells_only_a_phone(details):
        return _encode(details).decode()
    number = details.phone_number
    return "" if number is None else f'{{"phone_number":"{number}"}}'


def _tells_only_a_phone(details: Details) -> bool:
    """Whether nothing but a phone's number is said, or nothing at all: nearly always."""
    return details is NO_DETAILS or (
        details.effective_at is None
        and details.reference is None
        and details.metadata is None
        and details.status is None
    )


def details_of(text: str | None) -> Details:
    """Details from their text."""
    return _decode_details(text) if text else NO_DETAILS


@lru_cache(maxsize=4096)
def _time_header(recorded_at: str) -> Header:
    return ("ce_time", recorded_at.encode())


class Telling:
    """All that is said of one command. A batch and the claim that says it again use the same."""

    _transaction = _entries = _about = _body_text = ""

    def __init__(
        self, command: CommandRef, recorded_at: str, extras: dict[str, str] | None
    ) -> None:
        self.recorded_at = recorded_at
        self._kind = KINDS.get(command.type or "", "")
        self._command = results.command_text(command)
        self._headers: HeaderList = [
            _VERSION,
            _SOURCE,
            _CONTENT_TYPE,
            _time_header(recorded_at),
            ("ce_causationid", command.id.encode()),
            ("src", b"%d:%d" % (command.partition, command.offset)),
        ]
        if extras:
            named = [(f"ce_{attribute}", text.encode()) for attribute, text in extras.items()]
            self._headers += named
        self._event_kind = EVENT_KINDS.get(self._kind)

    def about(self, body: WithdrawalBody | CreditRequestBody) -> None:
        """Take up what the command was about, as it has left it."""
        self._body_text = results.body_text(body)
        self._about = results.about_text(body, self._body_text)
        event_type = events.event_type(self._kind, body)
        self._event_kind = ("ce_type", event_type.encode())

    def completed_text(
        self, wallet: tuple[str, str, str, int], transaction_id: str, sequences: Mapping[str, int]
    ) -> str:
        """The text of the command's result when it was done."""
        return results.completed_text(
            self._command, wallet, transaction_id, self.recorded_at, sequences, self._about
        )

    def step(self, wallet_id: str, withdrawal_id: str, status: str) -> Message:
        """The record of the delayed topic: a withdrawal comes to each status once."""
        text = events.step_text(wallet_id, self._body_text, self.recorded_at, self._command)
        name = f"{withdrawal_id}:{status}"
        return Message(wallet_id, text, self._headers, name, STEP_KINDS[status])

    def result(self, key: str, text: str, wallet_id: str | None, kind: Header) -> Message:
        """The record of the command's result. `key` is its dedupe key: it names the result too."""
        return Message(wallet_id, text, self._headers, key, kind)

    def post(
        self,
        transaction_id: str,
        entries: Sequence[Entry],
        currency: str,
        details: Details,
    ) -> None:
        """Take up what the command did: its posting, debits first.

        Entries of zero mark a change without money; they are no news for anybody's balance.
        """
        first, last = entries[0], entries[-1]
        if len(entries) == 2 and 0 < last.amount_minor == -first.amount_minor:  # noqa: PLR2004 - a pair
            amount = show(last.amount_minor, currency)
            self._entries = events.pair_text(first.account, last.account, amount, currency)
        else:
            moved = [entry for entry in entries if entry.amount_minor]
            shown = [(entry, entry.currency or currency) for entry in moved]
            self._entries = events.entries_text(
                (entry.account, show(entry.amount_minor, its), its) for entry, its in shown
            )
        self._transaction = (
            events.plain_transaction_text(
                transaction_id, self._kind, self.recorded_at, details.phone_number
            )
            if _tells_only_a_phone(details)
            else events.transaction_text(self._body(transaction_id, details))
        )

    def _body(self, transaction_id: str, details: Details) -> TransactionBody:
        return TransactionBody(
            transaction_id,
            self._kind,
            details.effective_at or self.recorded_at,
            self.recorded_at,
            details.reference,
            details.metadata or {},
            details.status,
            details.phone_number,
        )

    def event_text(
        self, wallet_id: str, sequence: int, amount_minor: int, after_minor: int, currency: str
    ) -> str:
        """The text of the event of one wallet of the posting: its entry, and what it led to."""
        balance = (show(after_minor - amount_minor, currency), show(after_minor, currency))
        wallet = (wallet_id, sequence, currency)
        return events.event_text(
            wallet, self._transaction, self._entries, balance, self._command, self._about
        )

    def event(self, wallet_id: str, sequence: int, text: str) -> Message:
        """The record of an event, before its number is known."""
        name = identifiers.event_id(wallet_id, sequence)
        assert self._event_kind is not None, "only commands of a known type are done"
        return Message(wallet_id, text, self._headers, name, self._event_kind)


def numbered(messages: list[Message], first: int) -> list[Message]:
    """The messages with their numbers on the partition of the events topic."""
    for number, message in enumerate(messages, first):
        message.number = number
    return messages


def waiting_text(text: str, extras: dict[str, str] | None) -> str:
    """An event as it waits in `arrivals`; JSON holds no bare tab, so one parts the extras."""
    return text if not extras else f"{text}\t{_encode(extras).decode()}"


def arrived_message(waiting: str) -> Message:
    """The record of an event that waited in `arrivals`."""
    text, _, extras = waiting.partition("\t")
    event = events.decode(text)
    carried = _decode_extras(extras) if extras else None
    telling = Telling(event.command, event.transaction.recorded_at, carried)
    about = event.withdrawal or event.credit_request
    if about is not None:
        telling.about(about)
    return telling.event(event.wallet_id, event.sequence, text)
