"""Poison: records that no honest client sends, each with what must become of it."""

import json
from collections.abc import Callable
from random import Random
from typing import Any, Final, NamedTuple

from wallet.torture.faults import Headers, Raw

Fate = tuple[int, int]
"""How many results and how many dead letters a record must have."""

REFUSED: Final = (1, 0)
BURIED: Final = (0, 1)
BOTH: Final = (1, 1)


class Victim(NamedTuple):
    """Whom the poison pretends to be: a wallet, and an id that was never used."""

    wallet: str
    source: str
    id: str

    def body(self, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """A deposit in structured mode."""
        data = {"wallet_id": self.wallet, "amount": "1.00"}
        return {
            "specversion": "1.0", "id": self.id, "source": self.source, "type": "deposit.v1",
            "data": data, **changes,
        }  # fmt: skip

    def data(self, **changes: Any) -> bytes:  # noqa: ANN401 - JSON
        """The same with other data."""
        data = {"wallet_id": self.wallet, "amount": "1.00", **changes}
        return json.dumps(self.body(data=data)).encode()

    def text(self, **changes: Any) -> bytes:  # noqa: ANN401 - JSON
        """The same as JSON."""
        return json.dumps(self.body(**changes)).encode()

    def headers(self) -> Headers:
        """Its attributes in binary mode."""
        named = {"specversion": "1.0", "id": self.id, "source": self.source, "type": "deposit.v1"}
        return tuple((f"ce_{name}", text.encode()) for name, text in named.items())


def _value(make: Callable[[Victim], bytes | None]) -> Callable[[Victim], Raw]:
    return lambda victim: Raw(victim.wallet.encode(), make(victim))


def _binary(value: bytes | None) -> Callable[[Victim], Raw]:
    return lambda victim: Raw(victim.wallet.encode(), value, victim.headers())


_DEEP: Final = b"[" * 5000 + b"]" * 5000

KINDS: Final[tuple[tuple[str, Callable[[Victim], Raw], Fate], ...]] = (
    ("half a JSON text", _value(lambda v: v.text()[:-5]), BURIED),
    ("half a JSON text, id in a header", _binary(b'{"wallet'), BOTH),
    ("a JSON list", _value(lambda _: b"[1, 2]"), BURIED),
    ("no id", _value(lambda v: v.text(id="")), BURIED),
    ("an id of a wrong type", _value(lambda v: v.text(id=7)), BURIED),
    ("a type of a wrong type", _value(lambda v: v.text(type=7)), REFUSED),
    ("an amount of a wrong type", _value(lambda v: v.data(amount=5)), REFUSED),
    ("NaN", _value(lambda v: v.text().replace(b'"1.00"', b"NaN")), BURIED),
    ("NaN as text", _value(lambda v: v.data(amount="NaN")), REFUSED),
    ("a huge number", _value(lambda v: v.text().replace(b'"1.00"', b"1e400")), REFUSED),
    ("5000 digits", _value(lambda v: v.text().replace(b'"1.00"', b"9" * 5000)), REFUSED),
    ("an amount of 60 digits", _value(lambda v: v.data(amount="9" * 60)), REFUSED),
    ("null", _value(lambda _: None), BURIED),
    ("null, id in a header", _binary(None), REFUSED),
    ("0 bytes", _value(lambda _: b""), BURIED),
    ("not UTF-8", _value(lambda _: b"\xff\xfe\x00"), BURIED),
    ("not UTF-8 within", _value(lambda v: v.text().replace(b"dep", b"d\xffp")), BURIED),
    ("nested deep", _value(lambda _: _DEEP), BURIED),
    ("nested deep, id in a header", _binary(_DEEP), REFUSED),
    ("a wrong key", lambda v: Raw(b"0" * 36, v.text()), BOTH),
    ("a key that is no text", lambda v: Raw(b"\xff\x00", v.text()), BOTH),
    ("an unknown field", _value(lambda v: v.data(ammount="1")), REFUSED),
    ("an unknown type", _value(lambda v: v.text(type="steal.v1")), REFUSED),
    ("NUL in the id", _value(lambda v: v.text(id="a\0b")), BURIED),
    ("NUL in a text", _value(lambda v: v.data(reference="a\0b")), REFUSED),
    ("a broken surrogate", _value(lambda v: v.text().replace(b'"1.00"', b'"\\ud800"')), BURIED),
    ("oversize", _value(lambda v: v.data(reference="x" * 100_000)), BOTH),
    ("as large as the broker takes", _value(lambda _: b"x" * 900_000), BURIED),
)
"""Kind -> how it is made and its fate; tests/integration/test_poison.py has the refusals' codes."""


def draw(dice: Random, wallet: str, source: str, new_id: str) -> tuple[Raw, Fate]:
    """A record for this wallet, and its fate."""
    _, make, fate = dice.choice(KINDS)
    return make(Victim(wallet, source, new_id)), fate
