"""`wallet check`: all that is wrong with a message, where it stands, and how to mend it."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from producers.checking.documents import Broken, Document, documents_of
from producers.checking.findings import inspect
from producers.checking.places import Lines, position_of
from schemas import vectors
from schemas.commands import TYPES, Command
from schemas.decoding import decode
from wallet.cli import check

A = "01930f6e-3c00-7000-8000-00000000000a"
B = "01930f6e-3c00-7000-8000-00000000000b"
PAID = {"wallet_id": A, "amount": "5"}

app = typer.Typer()
check.register(app)
app.callback()(lambda: None)


def message(data: object = None, **said: object) -> dict[str, Any]:
    """A good deposit, with changes; an attribute given as `...` is left out."""
    body = {"wallet_id": A, "amount": "5.00"} if data is None else data
    whole = {"specversion": "1.0", "id": "1", "source": "/till", "type": "deposit.v1", "data": body}
    return {name: value for name, value in {**whole, **said}.items() if value is not ...}


def found_in(whole: object) -> list[tuple[str, str]]:
    """Path and code of what is found in a message in structured mode."""
    findings = inspect(None, json.dumps(whole).encode()).findings
    return [(".".join(found.path), found.code) for found in findings]


@pytest.mark.parametrize("command_type", list(TYPES))
def test_the_examples_are_good(command_type: str) -> None:
    """Each is a command, in both modes."""
    example = vectors.examples()[command_type]
    headers = [(name, text.encode()) for name, text in example.headers.items()]
    value = json.dumps(example.value).encode()
    whole = json.dumps(vectors.structured(example)).encode()
    assert example.key is not None
    for inspected in (inspect(example.key.encode(), value, headers), inspect(None, whole)):
        assert inspected.findings == []
        assert inspected.command is not None


def test_all_that_is_wrong_is_told_at_once() -> None:
    """The ledger would tell the first of these, then the next."""
    data = {"wallet_id": "x", "amount": 5, "ammount": "5", "metadata": {"a": 1}, "currency": "eur"}
    whole = message(data, specversion=..., correlationid=7)
    assert sorted(found_in(whole)) == [
        ("correlationid", "invalid_field"),
        ("data.ammount", "unknown_field"),
        ("data.amount", "invalid_field"),
        ("data.currency", "invalid_field"),
        ("data.metadata", "invalid_field"),
        ("data.wallet_id", "invalid_field"),
        ("specversion", "missing_field"),
    ]


@pytest.mark.parametrize(
    ("whole", "found"),
    [
        (message(type="deposits.v1"), [("type", "unknown_type")]),
        (message(type="gift"), [("type", "unknown_type")]),
        (message(id=...), [("id", "unreadable")]),
        (message(id=7), [("id", "unreadable")]),
        (message(data=...), [("data", "missing_field")]),
        (message([1]), [("data", "invalid_field")]),
        (message({"wallet_id": A}), [("data.amount", "missing_field")]),
        (message({"wallet_id": A, "amount": "-5"}), [("data.amount", "amount_not_positive")]),
        (message({"wallet_id": A, "amount": "5,00"}), [("data.amount", "invalid_field")]),
        (message({"wallet_id": A, "amount": "5.00001"}), [("data.amount", "amount_precision")]),
        (
            message({"wallet_id": A, "amount": "5.5", "currency": "JPY"}),
            [("data.amount", "amount_precision")],
        ),
        (
            message({"wallet_id": A, "amount": "5", "to_wallet_id": A}, type="transfer.v1"),
            [("data.to_wallet_id", "same_wallet")],
        ),
        (
            message({"to_wallet_id": A, "to_amount": "-1", **PAID}, type="exchange.v1"),
            [("data.to_amount", "amount_not_positive"), ("data.to_wallet_id", "same_wallet")],
        ),
        (
            message(
                {"to_wallet_id": B, "to_amount": "1.5", "to_currency": "JPY", **PAID},
                type="exchange.v1",
            ),
            [("data.to_amount", "amount_precision")],
        ),
        (
            message(
                {"to_wallet_id": B, "to_amount": "1", "currency": "EUR", "to_currency": "EUR"}
                | PAID,
                type="exchange.v1",
            ),
            [("data.to_currency", "same_currency")],
        ),
        (
            message({"wallet_id": A, "owner": {"nam": "S", "phone": "1"}}, type="wallet.create.v1"),
            [("data.owner.nam", "unknown_field"), ("data.owner.phone", "invalid_field")],
        ),
        (
            message({"wallet_id": A, "amount": "5"}, type="withdrawal.schedule.v1"),
            [("data.due_at", "missing_field")],
        ),
        (
            message({"wallet_id": A, "amount": "5", "delay": "P1M"}, type="withdrawal.schedule.v1"),
            [("data.delay", "invalid_field")],
        ),
        (message(expirytime="2020-01-01T00:00:00Z"), [("expirytime", "command_expired")]),
        (message(subject=B), [("subject", "invalid_field")]),
        ([message()], [("", "unreadable")]),
    ],
)
def test_each_slip_has_its_finding(whole: object, found: list[tuple[str, str]]) -> None:
    """Path and code."""
    assert found_in(whole) == found


def test_a_content_type_says_structured_whatever_other_headers_there_are() -> None:
    """As the ledger reads it: the value is the whole then."""
    headers = [("ce_id", b"9"), ("content-type", b"application/cloudevents+json; charset=utf-8")]
    inspected = inspect(None, json.dumps(message({"wallet_id": A})).encode(), headers)
    assert [found.path for found in inspected.findings] == [("data", "amount")]


def test_what_the_ledger_says_is_no_command() -> None:
    """Somebody took a result or an event for one."""
    (found,) = inspect(None, json.dumps(message(type="wallet.deposited.v1")).encode()).findings
    assert "what the ledger says" in found.detail


def test_a_wrong_key_hides_nothing() -> None:
    """What stands behind it is told too."""
    value = json.dumps(message({"wallet_id": A, "amount": "5", "memo": "x"})).encode()
    codes = [found.code for found in inspect(B.encode(), value).findings]
    assert sorted(codes) == ["key_mismatch", "unknown_field"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([A, "5.00"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
names = st.sampled_from(["wallet_id", "amount", "delay", "due_at", "target", "metadata", "owner"])
attributes = st.sampled_from(["specversion", "id", "source", "type", "subject", "time", "data"])


@given(
    st.sampled_from(list(TYPES)),
    st.dictionaries(names | st.text(max_size=5), json_values, max_size=4),
    st.dictionaries(attributes, json_values, max_size=2),
)
def test_a_finding_for_whatever_the_ledger_refuses(
    command_type: str, data: dict[str, object], said: dict[str, object]
) -> None:
    """And none for what it takes, but what only its rules refuse; it always comes to an end."""
    value = json.dumps({**message(data, type=command_type), **said}).encode()
    inspected = inspect(None, value)
    is_command = isinstance(decode(None, value), Command)
    assert (inspected.command is not None) == is_command
    if not is_command:
        assert inspected.troubles


@given(json_values.filter(lambda value: isinstance(value, dict)), st.integers(0, 4))
def test_a_member_is_found_where_it_stands(value: Any, indent: int) -> None:  # noqa: ANN401 - JSON
    """However the document is written."""
    text = "\n " + json.dumps(value, indent=indent or None, ensure_ascii=False)
    for name in value:
        at = position_of(text, 0, (name,))
        assert text[at:].startswith(json.dumps(name, ensure_ascii=False))
        assert json.loads("{" + text[at:])[name] == value[name]
    assert position_of(text, 0, ("no such", "thing")) == 2


def test_lines_and_columns_count_from_one() -> None:
    """As editors do."""
    lines = Lines("ab\n\ncd")
    assert [lines.spot(position) for position in (0, 1, 3, 4, 5)] == [
        (1, 1), (1, 2), (2, 1), (3, 1), (3, 2),
    ]  # fmt: skip


def test_documents_stand_on_one_line_or_several() -> None:
    """What is no JSON is told, and the next line looked at."""
    good = json.dumps(message())
    text = f"{good}\n{json.dumps(message(), indent=2)}\n{{'id': 1}}\n{good},\n{good[:-1]}"
    told = list(documents_of(text, None, ()))
    whys = [each.why for each in told if isinstance(each, Broken)]
    assert len(told) - len(whys) == 3
    assert "double quotes" in whys[0]
    assert "ends too early" in whys[-1]
    assert len(list(documents_of(text.replace("\n", "\r\n"), None, ()))) == len(told)
    (twice,) = documents_of('{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}', None, ())
    assert isinstance(twice, Document)
    assert twice.repeated == ("c", "a")


def test_a_document_that_is_not_closed_does_not_hide_the_next() -> None:
    """The place is where it had to end; the next line is looked at, whatever it holds."""
    good = json.dumps(message())
    first, second, third = documents_of(f"{good[:-1]}\n{good}\n{good[:20]}", None, ())
    assert isinstance(first, Broken)
    assert (first.position, "not closed" in first.why) == (len(good) - 1, True)
    assert isinstance(second, Document)
    assert second.value.decode() == good
    assert isinstance(third, Broken)
    quote, last = documents_of(f'{{"id": "1\n{good}', None, ())
    assert isinstance(quote, Broken)
    assert "its quote is not closed" in quote.why
    assert isinstance(last, Document)


def checked(tmp_path: Path, text: str, *options: str) -> tuple[int, Any, str]:
    """Exit code, the document of --json, and what is printed without it."""
    file = tmp_path / "messages.jsonl"
    file.write_text(text, encoding="utf-8")
    words = ["check", str(file), *options]
    as_json = CliRunner().invoke(app, [*words, "--json"])
    plain = CliRunner().invoke(app, words)
    assert as_json.exit_code == plain.exit_code, plain.output
    return plain.exit_code, json.loads(as_json.stdout), plain.output


def test_good_messages_are_good(tmp_path: Path) -> None:
    """Exit 0, with what they are."""
    code, told, printed = checked(tmp_path, json.dumps(message(), indent=1))
    assert (code, told["messages"], told["types"]) == (0, 1, {"deposit.v1": 1})
    assert "partition 3" in printed


def test_troubles_are_told_with_line_and_column(tmp_path: Path) -> None:
    """As compilers do, so that an editor leads there; exit 1."""
    text = json.dumps(message()) + "\n" + json.dumps(message({"wallet_id": A, "amount": 5}, id="2"))
    code, told, printed = checked(tmp_path, text)
    assert code == 1
    column = text.splitlines()[1].index('"amount"') + 1
    (found,) = told["findings"]
    assert (found["line"], found["column"], found["path"]) == (2, column, "data.amount")
    assert f"messages.jsonl:2:{column}: data.amount: expected `str`, got `int`. Write" in printed


def test_what_editors_and_exports_put_around_commands_is_told(tmp_path: Path) -> None:
    """A byte order mark is a note, for the documents are good; a list is no command."""
    good = json.dumps(message())
    code, told, _ = checked(tmp_path, f"\ufeff{good}")
    assert (code, [each["code"] for each in told["findings"]]) == (0, ["byte_order_mark"])
    code, told, plain = checked(tmp_path, f"[{good}]")
    assert (code, [each["code"] for each in told["findings"]]) == (1, ["unreadable", "list"])
    assert "jq -c '.[]'" in plain


def test_an_id_used_twice_is_trouble_for_other_content_only(tmp_path: Path) -> None:
    """The same content again is a note."""
    other = message({"wallet_id": A, "amount": "6.00"})
    lines = "\n".join(json.dumps(each) for each in (message(), message(), other))
    code, told, _ = checked(tmp_path, lines)
    assert code == 1
    assert [(f["line"], f["code"], f["note"]) for f in told["findings"]] == [
        (2, "repeated", True),
        (3, "idempotency_key_reused", False),
    ]


def test_a_value_in_binary_mode_has_its_headers_beside_it(tmp_path: Path) -> None:
    """Troubles of headers stand at the beginning."""
    named = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/till", "ce_type": "deposit.v1"}
    headers = [word for name, text in named.items() for word in ("--header", f"{name}={text}")]
    value = json.dumps({"wallet_id": A, "amount": "5"})
    assert checked(tmp_path, value, *headers, "--key", A, "--partition", "3")[1]["findings"] == []
    told = checked(tmp_path, value, *headers[:-2], "--key", B, "--partition", "3")[1]
    assert [(f["path"], f["column"]) for f in told["findings"]] == [("ce_type", 1)]
    told = checked(tmp_path, value, *headers, "--key", A, "--partition", "1")[1]
    assert [(f["code"], f["note"]) for f in told["findings"]] == [("wrong_partition", True)]


def test_a_record_as_kcat_prints_it_is_looked_at_whole(tmp_path: Path) -> None:
    """Key, headers and partition are inside."""
    record = {"topic": "wallet.commands.v1", "partition": 1, "offset": 7, "key": None}
    record |= {"headers": ["ce_id", "1"], "payload": json.dumps({"wallet_id": A, "amount": "5"})}
    _, told, _ = checked(tmp_path, json.dumps(record))
    assert {f["path"] for f in told["findings"]} == {"ce_specversion", "ce_source", "ce_type"}
    record |= {"headers": [], "payload": json.dumps(message())}
    code, told, printed = checked(tmp_path, json.dumps(record))
    assert (code, [f["code"] for f in told["findings"]]) == (0, ["no_key", "wrong_partition"])
    assert "note: record 1:7: the record stands on partition 1, its wallet's is 3 of 4" in printed


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_file_is_trouble(tmp_path: Path, content: bytes) -> None:
    """Nothing was checked."""
    code, told, printed = checked(tmp_path, content.decode())
    assert (code, told["messages"]) == (1, 0)
    assert "holds no message" in printed
