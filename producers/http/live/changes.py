"""What is told of a wallet: the same bytes, whether read from PostgreSQL or heard from Kafka."""

from typing import Final

import msgspec

from producers.http.own_results import of_owner
from schemas import results
from schemas.commands import kind_of
from schemas.events import Event, event_type
from schemas.money import show
from schemas.results import AnyResult, CreditRequestBody, WithdrawalBody


class Told(msgspec.Struct, frozen=True, gc=False):
    """One thing to tell. A change has a sequence, a refused command has none.

    `name` is "change" or "rejected", `data` the JSON of it; `own` that for who sees no other
    wallet, where it is another.
    """

    name: str
    wallet_id: str
    sequence: int | None
    data: bytes
    own: bytes | None = None

    @property
    def to_owner(self) -> "Told":
        """What the wallet's owner is told."""
        if self.own is None:
            return self
        return Told(self.name, self.wallet_id, self.sequence, self.own)


class Asker(msgspec.Struct, frozen=True, gc=False):
    """Which command made a change."""

    source: str | None
    id: str


class Balance(msgspec.Struct, frozen=True, gc=False):
    """Around a change, decimal strings."""

    before: str
    after: str


class Change(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A change of a wallet. `amount` is signed; "0.00" where no money moved, as on opening."""

    wallet_id: str
    sequence: int
    type: str
    amount: str
    currency: str
    balance: Balance
    transaction_id: str
    recorded_at: str
    command: Asker
    reference: str | None = None
    metadata: dict[str, str] | None = None
    status: str | None = None
    phone_number: str | None = None
    withdrawal: WithdrawalBody | None = None
    credit_request: CreditRequestBody | None = None


class Details(msgspec.Struct, frozen=True):
    """What the database keeps of a command beside its result, as far as it is told here."""

    reference: str | None = None
    metadata: dict[str, str] | None = None
    status: str | None = None
    phone_number: str | None = None


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A row of a wallet's journal with its command's result; amounts are minor units."""

    wallet_id: str
    sequence: int
    amount_minor: int
    balance_minor: int
    currency: str
    result: str
    details: str | None


_NOTHING: Final = Details()
_details_of: Final = msgspec.json.Decoder(Details).decode
_encode: Final = msgspec.json.Encoder().encode


def of_event(event: Event) -> Told:
    """A change that was heard."""
    done, balance = event.transaction, event.balance
    moved = _minor(balance.after) - _minor(balance.before)
    change = Change(
        wallet_id=event.wallet_id,
        sequence=event.sequence,
        type=event_type(done.kind, event.withdrawal or event.credit_request),
        amount=show(moved, event.currency),
        currency=event.currency,
        balance=Balance(balance.before, balance.after),
        transaction_id=done.id,
        recorded_at=done.recorded_at,
        command=Asker(event.command.source, event.command.id),
        reference=done.reference,
        metadata=dict(done.metadata) or None,
        status=done.status,
        phone_number=done.phone_number,
        withdrawal=event.withdrawal,
        credit_request=event.credit_request,
    )
    return _told(change)


def of_entry(entry: Entry) -> Told:
    """A change that was read."""
    result = results.decode(entry.result)
    details = _details_of(entry.details) if entry.details else _NOTHING
    about = result.withdrawal or result.credit_request
    before = entry.balance_minor - entry.amount_minor
    assert result.transaction_id is not None, "what was done has a transaction"
    change = Change(
        wallet_id=entry.wallet_id,
        sequence=entry.sequence,
        type=event_type(kind_of(result.command.type or ""), about),
        amount=show(entry.amount_minor, entry.currency),
        currency=entry.currency,
        balance=Balance(show(before, entry.currency), show(entry.balance_minor, entry.currency)),
        transaction_id=result.transaction_id,
        recorded_at=result.recorded_at,
        command=Asker(result.command.source, result.command.id),
        reference=details.reference,
        metadata=details.metadata or None,
        status=details.status,
        phone_number=details.phone_number,
        withdrawal=result.withdrawal,
        credit_request=result.credit_request,
    )
    return _told(change)


def of_rejection(result: AnyResult) -> Told:
    """A command on a wallet that was refused."""
    assert result.wallet_id is not None, "asked by its wallet"
    own = of_owner(result)
    data = _encode(result)
    return Told(
        "rejected", result.wallet_id, None, data, own=None if own is result else _encode(own)
    )


def _minor(shown: str) -> int:
    """Minor units of a decimal string of ours: it has all decimals of its currency."""
    return int(shown.replace(".", ""))


def _told(change: Change) -> Told:
    return Told("change", change.wallet_id, change.sequence, _encode(change))
