"""Whatever bytes come, decoding answers: an exception here would stop a worker for ever."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas import identifiers, results
from schemas.cloudevents import MAX_ATTRIBUTE
from schemas.commands import TYPES, Command, ScheduleWithdrawal
from schemas.decoding import Decoded, RefusedCommand, Unreadable, decode
from schemas.refusals import Code, detail_of

WALLET = "01930f6e-3c00-7000-8000-00000000000a"
GOOD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "7",
    "source": "/till",
    "type": "deposit.v1",
    "subject": WALLET,
    "time": "2026-11-20T10:00:00Z",
    "expirytime": "2026-11-20T11:00:00Z",
    "correlationid": "c",
    "data": {
        "wallet_id": WALLET,
        "amount": "5.00",
        "currency": "IRR",
        "effective_at": "2026-11-20T10:00:00Z",
        "reference": "r",
        "metadata": {"k": "v"},
    },
}
NAMES = [*GOOD, "traceparent", "data_base64"]
FIELDS = ["wallet_id", "amount", "currency", "effective_at", "reference", "metadata", "owner"]
FIELDS += ["phone_number", "to_wallet_id", "transaction_id", "status", "name", "phone", "email"]
FIELDS += ["withdrawal_id", "due_at", "delay", "target", "reason"]

odd_texts = st.sampled_from(
    ["", "\0", "NaN", "1e400", WALLET, WALLET + "\n", "2026-11-20T10:00:00", "x" * 300, "EUR",
     "0001-01-01T00:00:00+14:00", "active", "5.00", "\u202e", "\ud800", "P1D", "-PT1S", "P9999999D",
     "world:bank", *TYPES]
)  # fmt: skip
texts = st.text(max_size=20) | odd_texts
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | texts, inner, max_size=4)
    ),
    max_leaves=8,
)
data = st.dictionaries(st.sampled_from(FIELDS), values, max_size=4).map(
    lambda changes: {**GOOD["data"], **changes}
)
wholes = st.builds(
    lambda changes, kind, body: {**GOOD, "type": kind, "data": body, **changes},
    st.dictionaries(st.sampled_from(NAMES), values, max_size=3),
    st.sampled_from([*TYPES]),
    data | values,
)
header_texts: st.SearchStrategy[Any] = (
    st.none() | st.binary(max_size=20) | texts.map(lambda text: text.encode(errors="replace"))
)
header_names = st.sampled_from([f"ce_{name}" for name in NAMES]) | st.sampled_from(
    ["content-type", "ce_", "trace", ""]
)
headers = st.lists(st.tuples(header_names, header_texts), max_size=8)
keys = st.none() | st.just(WALLET.encode()) | st.binary(max_size=40)


def judged(answer: Decoded) -> Decoded:
    """The answer, after all that the ledger relies on has been seen to hold for it."""
    if isinstance(answer, Unreadable):
        assert answer.reason
        assert "\0" not in answer.reason
        answer.reason.encode()
        return answer
    assert 0 < len(answer.id) <= MAX_ATTRIBUTE
    assert "\0" not in answer.id
    assert identifiers.is_uuid(answer.key)
    assert answer.name == identifiers.digest(answer.source or "", answer.id)
    assert len(answer.fingerprint) == len(answer.name) == 32
    for text in (answer.extras or {}).values():
        assert len(text) <= MAX_ATTRIBUTE
        assert "\0" not in text
    return _refusal_judged(answer) if isinstance(answer, RefusedCommand) else _judged(answer)


def _judged(command: Command) -> Command:
    """A command's data can be written again; its moments can be told in UTC."""
    assert type(command.data) is TYPES[command.type]
    assert identifiers.is_uuid(command.data.wallet_id)
    again = msgspec.json.decode(msgspec.json.encode(command.data), type=TYPES[command.type])
    assert again == command.data
    due_at = command.data.due_at if isinstance(command.data, ScheduleWithdrawal) else None
    for moment in (command.expires_at, command.data.effective_at, due_at):
        assert moment is None or moment.utcoffset() is not None
    return command


def _refusal_judged(refused: RefusedCommand) -> RefusedCommand:
    """A refusal names its field and fits into a result of bounded size."""
    refusal = refused.refusal
    assert refusal.code in Code
    assert refusal.param is not None
    detail = detail_of(refusal)
    assert refusal.param in detail or refusal.code in {Code.UNKNOWN_TYPE, Code.KEY_MISMATCH}
    value = msgspec.json.encode(results.error_of(refusal))
    assert len(value) < 8000
    assert b"\n" not in value
    assert refused.wallet_id is None or identifiers.is_uuid(refused.wallet_id)
    assert len(refused.source or "") <= MAX_ATTRIBUTE
    assert len(refused.type or "") <= MAX_ATTRIBUTE
    return refused


def json_bytes(whole: object, *, ascii_only: bool = True) -> bytes:
    """JSON as Python writes it: NaN, Infinity and lone surrogates included."""
    return json.dumps(whole, ensure_ascii=ascii_only).encode(errors="surrogatepass")


@given(keys, st.none() | st.binary(max_size=200), headers)
def test_any_bytes_are_answered(
    key: bytes | None, value: bytes | None, said: list[tuple[str, bytes]]
) -> None:
    """Random bytes under random headers."""
    judged(decode(key, value, said))


@given(keys, wholes, st.booleans())
def test_any_json_is_answered(key: bytes | None, whole: dict[str, Any], ascii_only: bool) -> None:  # noqa: FBT001
    """Commands with any part exchanged for any JSON, in structured mode."""
    judged(decode(key, json_bytes(whole, ascii_only=ascii_only)))


@given(keys, data | values, headers)
def test_any_binary_command_is_answered(
    key: bytes | None, body: object, said: list[tuple[str, bytes]]
) -> None:
    """Good headers overlaid with others, over any JSON."""
    good = [(f"ce_{name}", str(text).encode()) for name, text in GOOD.items() if name != "data"]
    judged(decode(key, json_bytes(body), [*good, *said]))


@given(st.data())
def test_a_damaged_command_is_answered(draw: st.DataObject) -> None:
    """Good bytes with some cut out, exchanged or doubled."""
    value = bytearray(json_bytes(GOOD))
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(value)))
        end = draw.draw(st.integers(at, min(len(value), at + 12)))
        value[at:end] = draw.draw(st.binary(max_size=6) | st.just(bytes(value[at:end]) * 2))
    judged(decode(WALLET.encode(), bytes(value)))


@given(data | values)
def test_both_modes_are_decided_alike(body: object) -> None:
    """The same content, whichever way it came: the same answer, the same fingerprint."""
    value = json_bytes(body)
    attributes = {name: text for name, text in GOOD.items() if name != "data"}
    binary = decode(
        None, value, [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
    )
    whole = decode(None, json_bytes(attributes)[:-1] + b', "data": ' + value + b"}")
    if isinstance(whole, Unreadable):  # what is no JSON hides the id that stands beside it
        assert isinstance(binary, RefusedCommand)
    else:
        assert whole == binary


@given(data)
def test_the_same_record_is_always_decided_alike(body: dict[str, Any]) -> None:
    """A decision depends on the record only (DESIGN.md 3)."""
    value = json_bytes({**GOOD, "data": body})
    assert decode(WALLET.encode(), value) == decode(WALLET.encode(), value)
