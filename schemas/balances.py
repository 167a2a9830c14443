"""What a wallet holds now, as the compacted topic tells it: for readers that come late."""

from typing import Final

import msgspec

from schemas.events import Event
from schemas.foreign import decoder

BALANCE: Final = "wallet.balance.v1"
SOURCE: Final = "/wallet-streams/balances"
"""Who says so: a projection of the events."""


class WalletBalance(msgspec.Struct, frozen=True, gc=False):
    """A wallet's balance after its event number `sequence`, the newest that this record knows of.

    `recorded_at` and `transaction_id` are that event's, `kind` is what it did.
    """

    wallet_id: str
    sequence: int
    currency: str
    balance: str
    recorded_at: str
    transaction_id: str
    kind: str


_encoder: Final = msgspec.json.Encoder()
_decode: Final = decoder(WalletBalance)


def balance_of(event: Event) -> WalletBalance:
    """The balance that an event leaves behind."""
    transaction = event.transaction
    return WalletBalance(
        event.wallet_id,
        event.sequence,
        event.currency,
        event.balance.after,
        transaction.recorded_at,
        transaction.id,
        transaction.kind,
    )


def encode(balance: WalletBalance) -> bytes:
    """The JSON value of a balance's record."""
    return _encoder.encode(balance)


def decode(value: bytes | str) -> WalletBalance:
    """A balance from its record's value. Raises msgspec.DecodeError on anything else."""
    return _decode(value)
