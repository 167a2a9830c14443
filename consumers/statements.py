"""A wallet's statement: its changes between two moments, one whole that can be signed and checked.

It goes by the wallet's sequence and has no gap: from the balance before the first moment to that at
the second, each line's balance is the one before and the line's amount.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection

from consumers.looking import Looking
from consumers.signatures import is_signed, signature_of
from consumers.views import WalletView
from producers.http.v1 import reading_transactions
from producers.http.v1.reading_transactions import Line
from schemas.moments import in_milliseconds
from schemas.money import show

PAGE: Final = 1000
"""Lines read at a time."""
_MILLISECOND: Final = timedelta(milliseconds=1)


class StatementError(ValueError):
    """A document is no statement, or not the one that was signed. One line says why."""


class Stand(msgspec.Struct, frozen=True):
    """A balance after the change `sequence`; 0 is before the first."""

    sequence: int
    balance: str


class StatementLine(msgspec.Struct, frozen=True):
    """A change: amounts are decimal strings, signed, the balance is that after it."""

    sequence: int
    recorded_at: str
    kind: str
    amount: str
    balance: str
    counterparty: str | None
    transaction_id: str
    source: str | None
    command_id: str
    reference: str | None


class Statement(msgspec.Struct, frozen=True, omit_defaults=True):
    """What happened to a wallet after `since` and until `until`, both RFC 3339.

    `signature` is the HMAC-SHA256 of the document without it, in hex.
    """

    wallet_id: str
    currency: str
    since: str | None
    until: str
    made_at: str
    opening: Stand
    closing: Stand
    lines: list[StatementLine]
    signature: str | None = None

    def signed(self, key: bytes) -> "Statement":
        """The same, with its signature."""
        return replace(self, signature=signature_of(self, key))

    def is_signed_by(self, key: bytes) -> bool:
        """Whether the signature is that of this key."""
        return is_signed(self, self.signature, key)


def statement(
    looking: Looking, wallet: WalletView, since: datetime | None, until: datetime | None
) -> Statement:
    """The statement of a wallet from a moment on (or its beginning) until another (or now).

    Raises LookingError, and ValueError where the moments are the wrong way round.
    """
    now = datetime.now(UTC)
    last = until or max(now, datetime.fromisoformat(wallet.updated_at))
    if since is not None and since > last:
        raise ValueError("the statement would end before it begins")
    with looking.connected() as connection:
        before = None if since is None else since - _MILLISECOND
        opening = _stand(connection, wallet, before) if before else _nothing(wallet)
        closing = _stand(connection, wallet, last)
        bounds = (opening.sequence, closing.sequence)
        lines = [_line(wallet, each) for each in _lines(connection, wallet.wallet_id, bounds)]
    made = Statement(
        wallet_id=wallet.wallet_id,
        currency=wallet.currency,
        since=None if since is None else in_milliseconds(since),
        until=in_milliseconds(last),
        made_at=in_milliseconds(now),
        opening=opening,
        closing=closing,
        lines=lines,
    )
    _add_up(made)
    return made


def checked(document: bytes, key: bytes | None) -> Statement:
    """A statement from its document: it adds up, and where there is a key, it is signed by it.

    Raises StatementError.
    """
    try:
        found = msgspec.json.decode(document, type=Statement)
    except msgspec.DecodeError as error:
        raise StatementError(f"this is no statement: {error}") from error
    if key is not None and not found.is_signed_by(key):
        raise StatementError("the signature is not that of this key and this document")
    _add_up(found)
    return found


def _add_up(found: Statement) -> None:
    """See that each line goes on from the one before. Raises StatementError."""
    stands = [
        (found.opening.sequence, Decimal(found.opening.balance)),
        *((line.sequence, Decimal(line.balance)) for line in found.lines),
    ]
    for line, (one, other) in zip(found.lines, pairwise(stands), strict=True):
        if other != (one[0] + 1, one[1] + Decimal(line.amount)):
            raise StatementError(f"change {line.sequence} does not go on from the one before")
    if stands[-1] != (found.closing.sequence, Decimal(found.closing.balance)):
        raise StatementError("the closing balance is not that of the last change")


def _stand(connection: Connection, wallet: WalletView, moment: datetime) -> Stand:
    found = reading_transactions.change_at(connection, wallet.wallet_id, until=moment)
    if found is None:
        return _nothing(wallet)
    return Stand(found.sequence, show(found.balance_minor, found.currency))


def _nothing(wallet: WalletView) -> Stand:
    return Stand(0, show(0, wallet.currency))


def _lines(connection: Connection, wallet_id: str, bounds: tuple[int, int]) -> Iterator[Line]:
    """The changes after one sequence up to another, page by page."""
    after, last = bounds
    while after < last:
        page = reading_transactions.lines(connection, wallet_id, PAGE, after=after, last=last)
        yield from page
        after = page[-1].sequence


def _line(wallet: WalletView, line: Line) -> StatementLine:
    result = line.transaction.result
    return StatementLine(
        sequence=line.sequence,
        recorded_at=result.recorded_at,
        kind=line.transaction.kind,
        amount=show(line.amount_minor, line.currency),
        balance=show(line.balance_minor, line.currency),
        counterparty=line.counterparty(wallet.wallet_id),
        transaction_id=line.transaction.id,
        source=result.command.source,
        command_id=result.command.id,
        reference=line.transaction.said.reference,
    )
