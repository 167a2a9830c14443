"""What the tests of the vocabulary share: golden messages, and commands to break."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.decoding import Decoded, RefusedCommand, decode

GOLDEN = Path(__file__).parents[2] / "golden"
WALLET = "01930f6e-3c00-7000-8000-00000000000a"

GOOD = {"wallet_id": WALLET, "amount": "5.00"}

Send = Callable[..., Decoded]


@pytest.fixture(scope="session")
def golden() -> Callable[[str], dict[str, Any]]:
    """The golden message in a file under tests/golden, such as "v1/results/completed.json"."""

    def load(name: str) -> dict[str, Any]:
        message: dict[str, Any] = json.loads((GOLDEN / name).read_text(encoding="utf-8"))
        return message

    return load


@pytest.fixture
def send() -> Send:
    """Decode a good deposit after changing attributes by name, fields of data by a dict.

    An attribute or a field of data given as `...` is left out.
    """

    def sent(
        data: object = GOOD, *, key: bytes | None = WALLET.encode(), **said: object
    ) -> Decoded:
        body = data
        if isinstance(data, dict):
            body = {name: value for name, value in {**GOOD, **data}.items() if value is not ...}
        envelope = {"specversion": "1.0", "id": "7", "source": "/till", "type": "deposit.v1"}
        whole = {**envelope, "data": body, **said}
        value = {name: part for name, part in whole.items() if part is not ...}
        return decode(key, json.dumps(value, ensure_ascii=False).encode())

    return sent


@pytest.fixture
def refused(send: Send) -> Callable[..., RefusedCommand]:
    """As `send`, for what must be refused."""

    def sent(*data: object, **said: Any) -> RefusedCommand:  # noqa: ANN401 - as send takes
        answer = send(*data, **said)
        assert isinstance(answer, RefusedCommand), answer
        return answer

    return sent
