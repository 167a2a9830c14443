"""The v1 API without servers: its table of codes, problems, cursors, keys and fields."""

import json
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from producers.http.answers import Answer, json_of
from producers.http.errors import EarlyError, busy, detail, early
from producers.http.meta import may_wait_for
from producers.http.people.principal import Principal
from producers.http.people.roles import Role
from producers.http.reading_bodies import model_of
from producers.http.v1 import cursors, problems
from producers.http.v1.bulk import COMMANDS_MAX, Bulk, BulkCommand, commands_of
from producers.http.v1.codes import CODES, code_of
from producers.http.v1.fields import Amount, Moment
from producers.http.v1.keys import RECENT_MAX, Keys
from producers.http.v1.moves import NewTransfer, in_full
from producers.http.v1.routes import ROUTES
from schemas.commands import TYPES
from schemas.refusals import TITLES, Code
from schemas.results import error_of

NAME = ("/http/v1", "key")
UUID = "01930f6e-0000-7000-8000-0000000000ff"


def _told(raised: EarlyError, path: str = "/v1/wallets") -> Answer:
    return problems.told(path, "request-1", raised)


def _body(answer: Answer) -> dict[str, object]:
    assert isinstance(answer.body, dict)
    return answer.body


def test_every_refusal_of_the_ledger_has_its_line() -> None:
    """With a status of the client's, its title, what to do; none can be tried again as it is."""
    assert list(CODES)[: len(Code)] == list(Code)
    for code in Code:
        line = CODES[code]
        assert 400 <= line.status < 500
        assert line.title == TITLES[code]
        assert line.meaning
        assert line.advice.endswith(".")
        assert not line.is_retryable


def test_the_lines_of_the_door_are_complete() -> None:
    """Each under its own code, with a status that HTTP knows."""
    for code, line in CODES.items():
        assert line.code == code
        assert HTTPStatus(line.status)
        assert line.title
        assert line.meaning
        assert line.advice


@pytest.mark.parametrize("status", [*range(400, 432), 451, 500, 501, 502, 503, 504])
def test_every_status_has_a_code(status: int) -> None:
    """Whoever raises it."""
    line = CODES[code_of(status)]
    assert (line.status >= 500) == (status >= 500)


@pytest.mark.parametrize(
    ("raised", "code", "param"),
    [
        (detail(404, "Not found."), "not_found", None),
        (detail(418, "A teapot."), "invalid_request", None),
        (detail(401, "Who?"), "unauthenticated", None),
        (early(400, {"name": ["Too long.", "Too odd."]}), "invalid_field", "name"),
        (early(409, {"error": "Taken."}), "conflict", None),
        (busy("Away.", command_id="c-1"), "unavailable", None),
        (EarlyError(Answer(b"", 500)), "internal_error", None),
        (problems.problem("not_sent", "Not sent."), "not_sent", None),
    ],
)
def test_what_others_refuse_is_a_problem_too(raised: EarlyError, code: str, param: str) -> None:
    """Under /v1/, with the status it was raised with; elsewhere it stays as it was."""
    answer = _told(raised)
    body = _body(answer)
    assert answer.headers["Content-Type"] == problems.TYPE
    assert (answer.status, body["status"]) == (raised.answer.status, raised.answer.status)
    assert (body["code"], body["param"], body["request_id"]) == (code, param, "request-1")
    assert ("Retry-After" in answer.headers) == (answer.status == 503)
    assert _told(raised, "/api/sellers/") is raised.answer


def test_a_command_that_may_still_be_done_is_named() -> None:
    """By the context of the 503."""
    assert _body(_told(busy("Away.", command_id="c-1")))["context"] == {"command_id": "c-1"}


def test_an_answer_that_is_no_error_stays() -> None:
    """202 for one."""
    pending = early(202, {"status": "pending"})
    assert _told(pending) is pending.answer


def test_all_wrong_fields_are_told() -> None:
    """With code and place each, the first one in front."""
    data = {"wallet_id": UUID, "to_wallet_id": "x", "amount": 5, "metadata": {"a": 1}, "b": 1}
    with pytest.raises(EarlyError) as raised:
        model_of(NewTransfer, data)
    body = _body(_told(raised.value))
    errors = body["errors"]
    assert isinstance(errors, list)
    assert {(each["code"], each["param"]) for each in errors} == {
        ("invalid_field", "to_wallet_id"),
        ("invalid_field", "amount"),
        ("invalid_field", "metadata.a"),
        ("unknown_field", "b"),
    }
    assert body["param"] == errors[0]["param"]
    with pytest.raises(EarlyError) as raised:
        model_of(NewTransfer, {})
    assert _body(_told(raised.value))["code"] == "missing_field"


def test_of_very_many_wrong_fields_the_first_are_told() -> None:
    """And how many more there are: an answer is not ten times what was sent."""
    wrong = {"type": "deposit.v1", "data": {}, **{f"f{number}": 1 for number in range(100)}}
    for count, more in ((1, {}), (500, {"more_errors": "49900"})):
        with pytest.raises(EarlyError) as raised:
            model_of(Bulk, {"commands": [wrong] * count})
        body = _body(_told(raised.value))
        errors = body["errors"]
        assert isinstance(errors, list)
        assert [each["param"] for each in errors] == [f"commands.0.f{at}" for at in range(100)]
        assert (body["code"], body["context"]) == ("unknown_field", more)
        problems.Problem.model_validate(body)
        assert len(json_of(raised.value.answer.body)) < 10_000


_MANY = {f"f{number}": 1 for number in range(250)}
_ONE = {"type": "deposit.v1", "data": {}}


@pytest.mark.parametrize(
    "said",
    [
        {"commands": [_ONE, {**_ONE, **_MANY}]},
        {"commands": [{**_ONE, **dict(list(_MANY.items())[:60])}] * 5},
        {"commands": [_ONE], **_MANY},
        {"commands": [{**_ONE, **_MANY}], **_MANY},
    ],
)
def test_very_many_unknown_fields_are_told_before_pydantic_describes_them(
    said: dict[str, object],
) -> None:
    """As it would tell them; and where all else is well."""
    with pytest.raises(EarlyError) as described:
        model_of(Bulk, said)
    with pytest.raises(EarlyError) as raised:
        commands_of("application/json", json.dumps(said).encode())
    body = _body(_told(raised.value))
    assert body == _body(_told(described.value))
    assert (body["status"], body["code"]) == (400, "unknown_field")
    assert raised.value.answer.body == described.value.answer.body


@pytest.mark.parametrize(
    "said", [7, {"commands": [1]}, {"commands": [_ONE] * 501}, {"commands": [_ONE | _MANY] * 501}]
)
def test_what_else_is_wrong_with_a_body_is_pydantics_to_find(said: object) -> None:
    """Also more commands than are taken, whatever is in them."""
    assert commands_of("application/json", json.dumps(said).encode()) == said
    with pytest.raises(EarlyError) as raised:
        model_of(Bulk, said)
    assert _body(_told(raised.value))["code"] in {"invalid_field", "invalid_request"}


def test_a_refusal_keeps_its_numbers() -> None:
    """Code, param, context and words as the ledger gave them."""
    from schemas.refusals import Refusal  # noqa: PLC0415 - one test's

    numbers = {"available": "3.00", "required": "5.00", "shortage": "2.00"}
    refusal = error_of(Refusal(Code.INSUFFICIENT_FUNDS, "amount", numbers))
    body = problems.refused_body(refusal)
    assert (body["status"], body["param"], body["context"]) == (402, "amount", numbers)
    assert problems.Problem.model_validate(body).detail == refusal.detail


@given(number=st.integers(0, 2**63 - 1), identifier=st.uuids())
def test_a_cursor_leads_back_to_where_it_was(number: int, identifier: object) -> None:
    """To its own list only."""
    text = cursors.cursor_of("a list", number)
    assert text.isascii()
    assert cursors.number_after("a list", text) == number
    assert cursors.id_after("b", cursors.cursor_of("b", str(identifier))) == str(identifier)
    for wrong in (
        lambda: cursors.number_after("b", text),
        lambda: cursors.id_after("a list", text),
    ):
        with pytest.raises(EarlyError) as raised:
            wrong()
        assert raised.value.answer.status == 400


@given(text=st.text(max_size=40) | st.binary(max_size=40).map(lambda raw: raw.hex()))
def test_no_text_is_an_accident_of_a_cursor(text: str) -> None:
    """Whatever comes is refused in the same words."""
    with pytest.raises(EarlyError) as raised:
        cursors.id_after("a list", text)
    assert _body(raised.value.answer)["code"] == "invalid_cursor"


def test_a_key_is_held_by_one_request() -> None:
    """The second is told to wait; afterwards the key is known."""
    keys = Keys()
    with keys.held(NAME) as is_recent:
        assert not is_recent
        with pytest.raises(EarlyError) as raised, keys.held(NAME):
            pytest.fail("held twice")
    answer = _told(raised.value)
    assert (answer.status, answer.headers["Retry-After"]) == (409, "1")
    with keys.held(NAME) as is_recent:
        assert is_recent
    with pytest.raises(ZeroDivisionError), keys.held(NAME):
        raise ZeroDivisionError
    with keys.held(NAME):
        pass


def test_only_so_many_keys_are_remembered() -> None:
    """The oldest is forgotten first."""
    keys = Keys()
    for number in range(RECENT_MAX + 1):
        assert not keys.met(("/http/v1", str(number)))
    assert keys.met(("/http/v1", str(RECENT_MAX)))
    assert not keys.met(("/http/v1", "0"))


@pytest.mark.parametrize("amount", ["1", "0", "-5", "0.001", "1" * 64])
def test_amounts_are_left_to_the_ledger(amount: str) -> None:
    """If they are numbers at all, as texts."""
    assert TypeAdapter(Amount).validate_python(amount) == amount


@pytest.mark.parametrize(
    "amount",
    [1, 1.5, None, True, "", " 1", "1 ", "1e3", "+1", "1.", ".1", "NaN", "1" * 65, "\u0661"],
)
def test_what_is_no_amount_is_refused(amount: object) -> None:
    """A number too: it may have lost digits on its way."""
    with pytest.raises(ValidationError):
        TypeAdapter(Amount).validate_python(amount)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00+00:00"),
        ("2026-11-20T10:00:00.123+03:30", "2026-11-20T06:30:00.123000+00:00"),
        ("2026-11-20T10:00:00 03:30", "2026-11-20T06:30:00+00:00"),
        ("2028-02-29t10:00z", "2028-02-29T10:00:00+00:00"),
        ("1969-12-31T19:00-05:00", "1970-01-01T00:00:00+00:00"),
    ],
)
def test_moments_have_a_zone(text: str, shown: str) -> None:
    """A plus sign that an address has made a space is one."""
    assert TypeAdapter(Moment).validate_python(text).isoformat() == shown


@pytest.mark.parametrize(
    "text",
    ["2026-11-20", "2026-11-20T10:00:00", "10:00", "0001-01-01T00:00:00Z", "20261120T100000Z", 5,
     "1970-01-01T00:00:00+05:00", "9998-12-31T23:59:59-00:01", "0001-01-01T00:00:00+00:01",
     "9999-12-31T23:59:59-23:59", "2026-13-01T00:00:00Z", "2" * 100, None, "2027-02-29T00:00:00Z",
     "2026-11-20T10:00:00 Z", "2026-11-20T10:00:00,5Z", "2026-11-20T10:00:00+03:30:15",
     "\u06f2026-11-20T10:00:00Z", "2026-11-20T23:59:60Z", "2026-11-20T24:00:00Z"],
)  # fmt: skip
def test_what_is_no_moment_is_refused(text: object) -> None:
    """So is one without a zone: nobody knows whose noon is meant. Years are those of UTC."""
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_python(text)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("5", "IRR", "5.00"), ("5.5", "IRR", "5.50"), ("05", "JPY", "5"), ("0.1", "BHD", "0.100")],
)
def test_amounts_are_shown_in_full(amount: str, currency: str, shown: str) -> None:
    """With all decimals of the currency."""
    assert in_full(amount, currency) == shown


@pytest.mark.parametrize(
    ("source", "command_id", "is_own"),
    [
        ("/http/v1/user:7", "a", True),
        ("/http/003", "user:7:a", True),
        ("/http/v1/user:77", "a", False),
        ("/http/v1", "a", False),
        ("/http/003", "user:77:a", False),
    ],
)
def test_people_may_wait_for_their_own_commands(
    source: str, command_id: str, *, is_own: bool
) -> None:
    """And see nothing of what others may have sent."""
    seller = Principal("user", "sara", Role.SELLER, 7, UUID)
    assert may_wait_for(seller, source, command_id) == is_own
    assert not may_wait_for(Principal("user", "ali", Role.USER, 7), source, command_id)


def test_commands_come_as_an_object_an_array_or_lines() -> None:
    """All the same; too many lines are refused before they are read."""
    line = b'{"type": "deposit.v1", "data": {}}'
    kinds = {
        "application/json": b"[%s]" % line,
        "application/problem+json": b'{"commands": [%s]}' % line,
        "application/x-ndjson": b"\n%s\r\n\n" % line,
    }
    for kind, body in kinds.items():
        assert commands_of(kind, body) == {"commands": [json.loads(line)]}
    with pytest.raises(EarlyError):
        commands_of("application/x-ndjson", b"\n".join([line] * (COMMANDS_MAX + 1)))


def test_clients_command_no_steps_of_a_withdrawal() -> None:
    """Those are sent by the delayed consumer and for the bank; all else is theirs."""
    schema = BulkCommand.model_json_schema()["properties"]["type"]["enum"]
    steps = {"execute", "settle", "fail", "review"}
    assert set(schema) == {name for name in TYPES if name.split(".")[1] not in steps}


def test_every_field_is_described() -> None:
    """Commands and filters have a description or an example, or a name that is known by itself."""
    plain = {"status", "name", "email", "owner", "commands", "type", "data"}
    for route in ROUTES:
        for model in (route.body, route.query):
            for name, field in model.model_fields.items() if model else ():
                said = field.description or field.examples or "description" in str(field)
                assert said or name in plain, (route.path, name)
        if route.method == "POST" and route.path != "/v1/commands":
            assert route.needs_key, route.path


def test_examples_of_answers_are_answers() -> None:
    """Each model of the table takes its own example."""
    shapes = {shape for route in ROUTES for shape in route.answers.values() if shape}
    tried = 0
    for shape in shapes:
        assert issubclass(shape, BaseModel)
        extra = shape.model_config.get("json_schema_extra")
        if isinstance(extra, dict):
            shape.model_validate(extra["example"])
            tried += 1
    assert tried >= 6
