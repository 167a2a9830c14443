"""How commands are cut into batches is chance, so it must not be seen in what they lead to."""

import json
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import identifiers
from streams.deciding import Decided
from tests.paper import PLACE, Paper, PaperRecord

WALLETS = [f"01930f6e-3c00-7000-8000-00000000000{n}" for n in range(4)]
NOW_MS = 1_795_082_400_000
FIRST = 10
"""The offset of the first record that is drawn."""
wallets = st.sampled_from(WALLETS)
KINDS = [
    *("wallet.create", "deposit", "deposit", "transfer", "transfer", "charge_sale", "refund"),
    *("wallet.set_status", "again", "reuse", "rubbish", "unknown"),
]
amounts = st.sampled_from(["1.00", "2.50", "40.00", "-1", "99999"])


def _transaction_id(number: int) -> str:
    name = identifiers.digest("/cut", f"c{number}")
    return identifiers.transaction_id(NOW_MS + number, PLACE.partition, FIRST + number, name)


@st.composite
def bodies(draw: st.DrawFn) -> list[bytes]:
    """Records of the commands topic: commands, repetitions, reused ids, refunds, rubbish."""
    made: list[bytes] = []
    for number in range(draw(st.integers(2, 25))):
        made.append(_body(draw, draw(st.sampled_from(KINDS)), number, made))
    return made


def _body(draw: st.DrawFn, kind: str, number: int, made: list[bytes]) -> bytes:
    if kind == "rubbish":
        return draw(st.sampled_from([b"", b"{", b"\xff", b'{"id": 5}']))
    if kind == "again" and made:
        return draw(st.sampled_from(made))
    own = draw(st.integers(0, number)) if kind == "reuse" else number
    kind = "deposit" if kind == "reuse" else kind
    said = {
        "specversion": "1.0", "id": f"c{own}", "source": "/cut", "type": f"{kind}.v1",
        "data": {"wallet_id": draw(wallets), **_fields(draw, kind, number)},
        "correlationid": "cut",
    }  # fmt: skip
    return json.dumps(said).encode()


def _fields(draw: st.DrawFn, kind: str, number: int) -> dict[str, str]:
    """The fields of a type beyond the wallet."""
    match kind:
        case "deposit":
            return {"amount": draw(amounts)}
        case "transfer":
            return {"amount": draw(amounts), "to_wallet_id": draw(wallets)}
        case "charge_sale":
            return {"amount": draw(amounts), "phone_number": "09120000000"}
        case "wallet.set_status":
            return {"status": draw(st.sampled_from(["active", "active", "suspended"]))}
        case "refund":
            paid = _transaction_id(draw(st.integers(max(0, number - 4), number)))
            return {"transaction_id": paid, **draw(st.sampled_from([{}, {"amount": "1.00"}]))}
        case _:
            return {}


def _opened() -> Paper:
    """Two wallets with money, so that not everything is refused."""
    paper = Paper()
    first = []
    for number, wallet in enumerate(WALLETS[:2]):
        for kind, data in (("wallet.create", {}), ("deposit", {"amount": "100.00"})):
            said = {
                "specversion": "1.0", "id": f"{kind}{number}", "source": "/open",
                "type": f"{kind}.v1", "data": {"wallet_id": wallet, **data},
            }  # fmt: skip
            first.append(json.dumps(said).encode())
    paper.batch([PaperRecord(n, NOW_MS - 100, None, body) for n, body in enumerate(first)])
    return paper


def _all_of(parts: list[Decided]) -> dict[str, Any]:
    """Everything that batches write and say, put together."""
    names = ("commands", "entries", "arrivals", "refunds", "dead_letters", "results", "events")
    return {
        **{name: [row for part in parts for row in getattr(part, name)] for name in names},
        "dead": [message for part in parts for message in part.dead],
        "strays": sum(part.strays for part in parts),
        "made": Counter(new.wallet_id for part in parts for new in part.new_wallets),
    }


@settings(max_examples=300, deadline=None)
@given(bodies(), st.data())
def test_batches_of_any_size_lead_to_the_same(made: list[bytes], data: st.DataObject) -> None:
    """One batch, or the same records cut anywhere: the same rows, results and events, in bytes."""
    records = [PaperRecord(FIRST + n, NOW_MS + n, None, body) for n, body in enumerate(made)]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(records) - 1))))
    whole, cut = _opened(), _opened()
    at_once = [whole.batch(records)]
    bounds = zip([0, *cuts], [*cuts, len(records)], strict=True)
    in_parts = [cut.batch(records[start:end]) for start, end in bounds]
    assert _all_of(at_once) == _all_of(in_parts)
    assert {w: _state(whole, w) for w in whole.wallets} == {w: _state(cut, w) for w in cut.wallets}


def _state(paper: Paper, wallet_id: str) -> tuple[object, ...]:
    wallet = paper.wallets[wallet_id]
    return wallet.balance_minor, wallet.sequence, wallet.status, wallet.currency
