"""Hostile records by the seed: good commands of every type, bent, broken, and sheer noise.

What matters of each is that decoding gives an answer, and one that the ledger can tell: an
exception there would stop a partition for ever.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any, Final

import msgspec
from msgspec.structs import fields

from schemas import identifiers, results
from schemas.cloudevents import MAX_ATTRIBUTE
from schemas.commands import TYPES, Command
from schemas.decoding import MAX_VALUE_BYTES, Decoded, RefusedCommand, Unreadable, decode
from wallet.torture.faults import Raw

SOURCE: Final = "/torture/fuzz"
ERROR_BYTES_MAX: Final = 8000
"""Of the error object of a refusal, however large what it refuses."""

TEXTS: Final = (
    *("", " ", "\0", "\ud800", "\u202e\u0000", "NaN", "Infinity", "null", "true", "-0", "1e400"),
    *(
        "9" * 39,
        "9" * 5000,
        "0." + "0" * 40 + "1",
        "+5.00",
        "\u0665.\u0660\u0660",
        "5,00",
        "0x10",
        "1_000",
    ),
    *("2026-11-20T10:00:00", "2026-02-30T00:00:00Z", "9999-12-31T23:59:59.999999-23:59"),
    *("0001-01-01T00:00:00+14:00", "P1D", "-PT1S", "P99999999999D", "world:bank", "IRRR", "irr"),
    *("' OR 1=1 --", "{{7*7}}", "../../etc/passwd", "<script>", "%s%n", "x" * 300, "é" * 128),
    " - at `$" + "a" * 20_000,  # as a complaint about a field ends
)
VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 10**400, 1e308, 0.1, float("nan"), float("inf")),
    *([], {}, [[]], {"": {}}, [None] * 50),
)
NAMES: Final = ("id", "source", "type", "specversion", "subject", "time", "expirytime", "data")
NAMES_MORE: Final = ("datacontenttype", "data_base64", "traceparent", "correlationid", "dataschema")

_ID: Final = "01930f6e-3c00-7000-8000-00000000000a"
_GOOD: Final[dict[str, object]] = {
    "currency": "IRR",
    "amount": "5.00",
    "to_wallet_id": _ID,
    "phone_number": "+989120000000",
    "status": "active",
    "owner": {"name": "Ali رضا", "email": "ali@example.org", "phone": "+989120000000"},
    "transaction_id": _ID,
    "credit_request_id": _ID,
    "withdrawal_id": _ID,
    "by": "someone",
    "reason": "because",
    "delay": "PT2S",
    "target": "IR-1",
    "effective_at": "2026-11-20T10:00:00Z",
    "reference": "order 17",
    "metadata": {"cart": "9"},
}
_FIELDS: Final = (*_GOOD, "due_at", "wallet_id")
_EXAMPLES: Final = {
    name: {field.name: _GOOD[field.name] for field in fields(kind) if field.name in _GOOD}
    for name, kind in TYPES.items()
}
"""Data of each type in which nothing is wrong but ids that nobody has."""


class Fuzz:
    """Draws records from a seed, of all types or of some.

    They name these wallets, in whose money they may move; without any, wallets that nobody has.
    """

    def __init__(
        self, seed: int, wallets: tuple[str, ...] = (), types: tuple[str, ...] = tuple(TYPES)
    ) -> None:
        self._dice = Random(seed)  # noqa: S311 - chance that repeats
        self._wallets = wallets
        self._types = types

    def records(self, count: int) -> Iterator[Raw]:
        """So many, of no two kinds in the same order."""
        for _ in range(count):
            yield self._record()

    def _record(self) -> Raw:
        dice = self._dice
        name = dice.choice(self._types)
        data = json.loads(_json(_EXAMPLES[name]))  # what is bent is this record's own
        wallet = dice.choice(self._wallets) if self._wallets else self._uuid()
        data["wallet_id"] = wallet
        if "to_wallet_id" in data and self._wallets:
            data["to_wallet_id"] = dice.choice(self._wallets)
        for _ in range(dice.choice((0, 1, 1, 1, 2, 5))):
            self._bend(data)
        key: bytes | None = wallet.encode()
        if dice.random() < 0.1:  # noqa: PLR2004 - a share
            key = dice.choice((None, b"", b"\xff", wallet.upper().encode(), self._noise(40)))
        form = self._structured if dice.random() < 0.5 else self._binary  # noqa: PLR2004
        value, headers = form(name, data)
        return Raw(key, self._broken(value), headers)

    def _structured(self, name: str, data: object) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
        """All of it in the value."""
        dice = self._dice
        body: dict[str, Any] = {"specversion": "1.0", "id": self._uuid(), "source": SOURCE}
        body |= {"type": name, "data": data}
        while dice.random() < 0.3:  # noqa: PLR2004 - a share
            body[dice.choice(NAMES + NAMES_MORE)] = self._odd()
        if dice.random() < 0.1:  # noqa: PLR2004 - a share
            body.pop(dice.choice([*body]))
        kind = (("content-type", b"application/cloudevents+json"),)
        return _json(body), kind if dice.random() < 0.5 else ()  # noqa: PLR2004

    def _binary(self, name: str, data: object) -> tuple[bytes, tuple[tuple[str, bytes], ...]]:
        """The attributes in headers."""
        dice = self._dice
        texts = {"specversion": "1.0", "id": self._uuid(), "source": SOURCE, "type": name}
        headers = {f"ce_{each}": text.encode() for each, text in texts.items()}
        while dice.random() < 0.3:  # noqa: PLR2004 - a share
            odd = dice.choice((self._noise(30), dice.choice(TEXTS).encode(errors="replace")))
            headers[f"ce_{dice.choice(NAMES + NAMES_MORE)}"] = odd
        if dice.random() < 0.1:  # noqa: PLR2004 - a share
            headers.pop(dice.choice([*headers]))
        return _json(data), tuple(headers.items())

    def _bend(self, data: dict[str, Any]) -> None:
        """Change, add or take out a field, here or further in."""
        dice, inner = self._dice, data
        while nested := [each for each in inner.values() if isinstance(each, dict)]:
            if dice.random() < 0.5:  # noqa: PLR2004 - a share
                break
            inner = dice.choice(nested)
        ways: tuple[Callable[[], object], ...] = (
            lambda: inner.update({dice.choice([*inner, *_FIELDS]): self._odd()}),
            lambda: inner.pop(dice.choice([*inner, ""]), None),
            lambda: inner.update({self._misspelt(dice.choice(_FIELDS)): "1"}),
        )
        dice.choice(ways)()

    def _odd(self) -> Any:  # noqa: ANN401 - any value of JSON
        """A value that hardly anybody expects."""
        dice = self._dice
        drawn = dice.random()
        if drawn < 0.5:  # noqa: PLR2004 - a share
            return dice.choice(TEXTS)
        if drawn < 0.8:  # noqa: PLR2004 - a share
            return deepcopy(dice.choice(VALUES))  # it may be bent further
        if drawn < 0.9:  # noqa: PLR2004 - a share
            return self._noise(20).decode("latin-1")
        return {
            dice.choice(TEXTS): deepcopy(dice.choice(VALUES)) for _ in range(dice.randint(0, 30))
        }

    def _broken(self, value: bytes) -> bytes | None:
        """The value, in one of ten damaged as bytes."""
        dice = self._dice
        if dice.random() < 0.9:  # noqa: PLR2004 - a share
            return value
        at = dice.randrange(len(value) + 1)
        return dice.choice(
            (
                None,
                b"",
                value[:at],
                value[:at] + self._noise(3) + value[at:],
                value[:at] + bytes([value[at - 1] ^ 1 << dice.randrange(8)]) + value[at:],
                value.replace(b'"', b"'", 1),
                value + value,
                b"[" * dice.randint(1, 6000) + value,
                b"\xef\xbb\xbf" + value,
                value + b" " * (MAX_VALUE_BYTES - len(value) + dice.randint(-1, 1)),
                self._noise(200),
            )
        )

    def _misspelt(self, name: str) -> str:
        at = self._dice.randrange(len(name))
        return name[:at] + name[at + 1 :] + self._dice.choice(("", "s", "_"))

    def _noise(self, most: int) -> bytes:
        return self._dice.randbytes(self._dice.randint(0, most))

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._dice.getrandbits(128), version=4))


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def judge(raw: Raw) -> Decoded:
    """Decode a record, and see that what comes of it can be told. Raises AssertionError."""
    found = decode(raw.key, raw.value, raw.headers)
    if isinstance(found, Unreadable):
        assert found.reason, "a reason"
        assert "\0" not in found.reason, "PostgreSQL takes no NUL"
        found.reason.encode()
        return found
    assert 0 < len(found.id) <= MAX_ATTRIBUTE, "an id of a bounded length"
    assert "\0" not in found.id, "PostgreSQL takes no NUL"
    assert identifiers.is_uuid(found.key), "a key to remember the command by"
    if isinstance(found, RefusedCommand):
        told = msgspec.json.encode(results.error_of(found.refusal))
        assert len(told) < ERROR_BYTES_MAX, "a refusal of a bounded length"
    else:
        assert isinstance(found, Command), "a command"
        assert identifiers.is_uuid(found.data.wallet_id), "a wallet"
        msgspec.json.encode(found.data)
    return found
