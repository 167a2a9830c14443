"""What a bank is asked to pay."""

from typing import Final

import msgspec


class Order(msgspec.Struct, frozen=True):
    """A withdrawal as the bank is told of it; `amount` is a decimal string of major units.

    However often it is told, it is told in the same words: banks that know keys compare them.
    """

    withdrawal_id: str
    wallet_id: str
    amount: str
    currency: str
    target: str | None = None

    @property
    def key(self) -> str:
        """The order's Idempotency-Key, for ever the same."""
        return self.withdrawal_id

    def body(self) -> bytes:
        """The JSON that is sent."""
        said = {
            "wallet_uuid": self.wallet_id,
            "amount": self.amount,
            "currency": self.currency,
            "withdrawal_id": self.withdrawal_id,
        }
        return _encode(said if self.target is None else {**said, "target": self.target})


_encode: Final = msgspec.json.Encoder().encode
