"""What the bank says that it has paid, read from its own ledger over HTTP."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from schemas.foreign import decoder

ANSWER_SECONDS: Final = 20.0
PAGE_BYTES: Final = 64 * 1024 * 1024
"""More than any page: 10,000 lines of 300 bytes are 3 MB."""


class Payment(Struct, frozen=True):
    """One execution at the bank. Texts as its caller wrote them; None where it said nothing.

    `key` is the Idempotency-Key of the order, a withdrawal's id.
    `number` counts from 1 without a gap; `times` says how often the key was executed by then.
    """

    number: int
    key: str | None
    wallet_uuid: str | None
    amount: str | None
    currency: str | None
    target: str | None
    at: Annotated[datetime, Meta(tz=True)]
    withdrawal_id: str | None = None
    times: int = 1

    @property
    def withdrawal(self) -> str | None:
        """The withdrawal that was paid, as its caller said."""
        return self.key or self.withdrawal_id


Payments = Iterable[Payment]
"""All that the bank has paid, read when it is iterated."""


class PaymentsError(RuntimeError):
    """The ledger of the bank cannot be read; the text says why, on one line."""


_decode: Final = decoder(Payment)


class BankLedger:
    """The ledger at a URL: `?after=N` gives JSON lines, each a payment, from number N + 1 on."""

    def __init__(self, url: str, timeout: float = ANSWER_SECONDS) -> None:
        self.url: Final = url
        self._timeout = timeout

    def __iter__(self) -> Iterator[Payment]:
        """Read it page by page, to its present end. Raises PaymentsError."""
        after = 0
        while page := self._page(after).splitlines():
            for line in page:
                try:
                    payment = _decode(line)
                except msgspec.DecodeError as error:
                    raise PaymentsError(f"{self.url}: payment {after + 1}: {error}") from error
                if payment.number != after + 1:
                    found = f"after payment {after} comes payment {payment.number}"
                    raise PaymentsError(f"{self.url}: {found}")
                after = payment.number
                yield payment

    def _page(self, after: int) -> bytes:
        address = urlsplit(self.url)
        kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        try:
            connection = kind(address.hostname or "", address.port, timeout=self._timeout)
            try:
                connection.request("GET", f"{address.path or '/'}?after={after}")
                response = connection.getresponse()
                body = response.read(PAGE_BYTES + 1)
            finally:
                connection.close()
        except (OSError, ValueError, HTTPException) as error:
            raise PaymentsError(f"{self.url}: {error or type(error).__name__}") from error
        if response.status != HTTPStatus.OK or len(body) > PAGE_BYTES:
            raise PaymentsError(f"{self.url}: HTTP {response.status} with {len(body)} bytes")
        return body
