"""What the command line refuses before anything is sent, and how it says so."""

import socket
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from producers.message import Message
from wallet.cli import app, commands
from wallet.cli.asking import Asking
from wallet.failure import NoAnswer, UsageFailure
from wallet.local import up

WALLET = "01930f6e-0000-7000-8000-000000000001"
OTHER = "01930f6e-0000-7000-8000-000000000002"
EVENT = (
    '{"specversion": "1.0", "id": "%s", "source": "/a", "type": "deposit.v1",'
    ' "data": {"wallet_id": "' + WALLET + '", "amount": "5"}}'
)


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No copy runs in WALLET_DATA, and nothing listens where the settings point."""
    monkeypatch.setenv("WALLET_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("WALLET_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("WALLET_DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/none")
    monkeypatch.setenv("WALLET_KAFKA_TIMEOUT", "0.5")


def _run(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, words, input=given)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("deposit", "my-wallet", "5"), "'my-wallet' is no UUID"),
        (("deposit", WALLET), "Missing argument"),
        (("exchange", WALLET, OTHER, "5"), "Missing argument 'to_amount'"),
        (("deposit", WALLET, "5", "--id", ""), "'--id': it is empty"),
        (("create", "--id", ""), "'--id': it is empty"),
        (("set-status", WALLET, "frozen"), "'active', 'deactivated', 'suspended'"),
        (("users", "create", "sara", "--role", "boss"), "for '--role': 'boss' is not one of"),
        (("verify", "--bank-ledger", "ledger"), "'ledger' is neither an address such as https"),
        (("verify", "--bank-ledger", "http://"), "'http://' is neither an address such as"),
        (("deposit", WALLET, "5", "--expires", "soon"), "neither a number of seconds"),
        (("deposit", WALLET, "5", "--expires", "nan"), "neither a number of seconds"),
        (("deposit", WALLET, "5", "--expires", "2026-11-20T10:00:00"), "neither a number"),
        (("deposit", WALLET, "5", "--timeout", "-1"), "or equal to 0"),
        (("events", "tail", "--from", "yesterday"), "neither beginning nor end"),
        (("events", "tail", "--type", "sold"), "wallet.charge_sold.v1"),
        (("history", WALLET, "--limit", "0"), "or equal to 1"),
        (("withdraw", WALLET, "5", "--in", "5"), "such as 3d, 2h30m or PT90S"),
        (("withdraw", WALLET, "5", "--in", "-3d"), "no length of time ahead"),
        (("withdraw", WALLET, "5", "--at", "2026-11-20T10:00:00"), "no time with its zone"),
        (("withdraw", WALLET, "5", "--at", "0001-01-01T00:00:00+14:00"), "no time with its zone"),
        (("withdraw", WALLET, "5", "--at", "tomorrow"), "no time with its zone"),
        (("withdrawals", "list", "--status", "payed"), "Did you mean paid?"),
        (("withdrawals", "list", "--limit", "1001"), "or equal to 1000"),
        (("withdrawals", "show", "7"), "'7' is no UUID"),
        (("withdrawals", "cancel"), "Missing argument 'ID'"),
        (("withdrawals", "resolve", OTHER, "--paid"), "Missing option '--by'"),
    ],
)
def test_usage_errors_are_exit_code_2(words: tuple[str, ...], said: str) -> None:
    """The message says what was wrong with which word."""
    done = _run(*words)
    assert done.exit_code == 2
    assert said in " ".join(done.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sell", WALLET, "0912", "5"), "phone_number: "),
        (("deposit", WALLET, "5", "--currency", "XXX"), "currency: "),
        (("deposit", WALLET, "5", "--reference", "x" * 129), "reference: "),
        (("deposit", WALLET, "5", "--metadata", "shop"), "is no KEY=VALUE"),
        (("deposit", WALLET, "5", "--id", "x" * 300), "id is longer than 256"),
        (("create", "--phone", "none"), "owner.phone: "),
        (("deposit", WALLET, "abc"), "amount: Not a decimal number. Write it like"),
        (("sell", WALLET, "989121234567", "5,00"), "amount: Not a decimal number"),
        (("exchange", WALLET, OTHER, "5", "1e3"), "to_amount: Not a decimal number"),
        (("withdraw", WALLET, "5.", "--in", "3d"), "amount: Not a decimal number"),
        (("withdraw", WALLET, "5"), "say when: either --at 2026-11-20T10:00:00Z or --in 3d"),
        (("withdraw", WALLET, "5", "--in", "3d", "--at", "2026-11-20T10:00:00Z"), "say when"),
        (("withdraw", WALLET, "5", "--in", "3d", "--to", "x" * 65), "target: "),
        (("withdraw", WALLET, "5", "--in", "3d", "--to", OTHER.upper()), "another spelling"),
        (("withdraw", WALLET, "5", "--in", "200000d"), "delay: "),
        (("withdrawals", "resolve", OTHER, "--by", "Sara"), "either --paid or --failed"),
        (("withdrawals", "resolve", OTHER, "--by", "x", "--paid", "--failed"), "either --paid"),
        (("withdrawals", "resolve", OTHER, "--by", " ", "--paid"), "--by: say whose word it is"),
        (
            ("withdrawals", "resolve", OTHER, "--by", "x", "--paid", "--reason", "x" * 257),
            "--reason has 257 characters, it takes 1 to 256",
        ),
    ],
)
def test_what_the_ledger_would_not_take_is_not_sent(words: tuple[str, ...], said: str) -> None:
    """The ledger's own eyes look at a command first; the field is named."""
    failure = _run(*words).exception
    assert isinstance(failure, UsageFailure)
    assert said in str(failure)
    assert failure.exit_code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("verify", "--key", "k"), "--key: nothing would come of it without --seals"),
        (("torture", "--schedules", "5"), "--schedules: nothing would come of it without --sim"),
        (
            ("torture", "--simulate", "--minutes", "5", "--keep"),
            "--minutes, --keep: nothing would come of it with --simulate",
        ),
        (("torture", "--simulate", "--faults", "disk"), "--faults: nothing would come"),
        (("receipts", "--again", "--slot", "2"), "--slot: nothing would come of it with --again"),
        (("balances", "--check", "--slot", "2"), "--slot: nothing would come of it with --check"),
        (("balances", "--again", "--slot", "2"), "--slot: nothing would come of it with --again"),
        (("balances", "--json"), "--json: nothing would come of it without --check"),
        (("dlq", "show", "0:1", "--value", "--json"), "--json: nothing would come"),
        (
            ("schemas", "--type", "deposit.v1", "asyncapi"),
            "--type: nothing would come of it before",
        ),
        (("schemas", "--out", "x", "vectors"), "--out: nothing would come of it before vectors"),
    ],
)
def test_an_option_that_would_not_be_heard_is_refused(words: tuple[str, ...], said: str) -> None:
    """Whoever gives it expects something of it: both are named, and nothing is begun."""
    failure = _run(*words).exception
    assert isinstance(failure, UsageFailure)
    assert said in str(failure)


def test_the_help_says_which_port_is_which(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by what answers there, with the number that is usual."""
    monkeypatch.setenv("COLUMNS", "200")
    words = " ".join(_run("up", "--help").output.replace("│", " ").split())
    ports = {
        "the status page and its /healthz": up.USUAL_HTTP_PORT,
        "Kafka": up.USUAL_KAFKA_PORT,
        "PostgreSQL": up.USUAL_POSTGRES_PORT,
        "the pretend bank": up.USUAL_BANK_PORT,
        "the HTTP API and the console": up.USUAL_GATEWAY_PORT,
    }
    for what, usual in ports.items():
        assert f"Of {what}; else {usual}, or a free one where" in words, what


def test_nothing_of_a_file_is_sent_when_a_line_is_wrong(tmp_path: Path) -> None:
    """Every wrong line is told with its number and its field."""
    file = tmp_path / "commands.jsonl"
    wrong = ["", EVENT % 1, "{", EVENT.replace("amount", "amuont") % 2, EVENT.replace("%s", "")]
    comma = EVENT.replace('"5"', '"5,00"') % 4
    file.write_text("\n".join([*wrong, "x" * 70_000, EVENT % 3, comma]))
    failure = _run("send", str(file)).exception
    assert isinstance(failure, UsageFailure)
    first, *lines = str(failure).splitlines()
    assert first == "nothing was sent, 5 lines are no commands"
    told = [line.strip().split(":")[0] for line in lines]
    assert told == [f"line {n}" for n in (3, 4, 5, 6, 8)]
    assert "amount: Not a decimal number" in lines[4]
    assert "Did you mean amount?" in lines[1]
    assert "longer than the 65,536 bytes" in lines[3]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    """As Windows' editors save a file: only what is wrong with a line is told."""
    failure = _run("send", "-", given=f"\ufeff{EVENT % 1}\nno\n").exception
    assert isinstance(failure, UsageFailure)
    first, only = str(failure).splitlines()
    assert first == "nothing was sent, 1 line is no command"
    assert only.strip().startswith("line 2: the value is not JSON")


def test_many_wrong_lines_are_told_in_part() -> None:
    """The input may be a pipe; the first twenty are enough."""
    failure = _run("send", "-", given="no\n" * 1000).exception
    assert isinstance(failure, UsageFailure)
    assert len(str(failure).splitlines()) == 22
    assert "and 980 more" in str(failure)


def test_a_file_that_is_not_there_is_named() -> None:
    """As the operating system says it."""
    failure = _run("send", "nowhere.jsonl").exception
    assert isinstance(failure, UsageFailure)
    assert "cannot read nowhere.jsonl: No such file" in str(failure)


@pytest.mark.parametrize(
    "words",
    [
        ("deposit", WALLET, "5"),
        ("events", "tail"),
        ("topics", "plan", "--timeout", "0.2"),
        ("topics", "apply", "--timeout", "0"),
    ],
)
def test_an_absent_kafka_is_one_line(words: tuple[str, ...]) -> None:
    """It names the address and the fix."""
    failure = _run(*words).exception
    assert isinstance(failure, NoAnswer)
    assert str(failure).startswith("Kafka at 127.0.0.1:1")
    assert "wallet up" in str(failure)
    assert "\n" not in str(failure)


@pytest.mark.parametrize(
    "words",
    [
        ("balance", WALLET),
        ("history", WALLET),
        ("result", "1"),
        ("withdrawals", "list"),
        ("withdrawals", "cancel", OTHER),
        ("migrate", "--timeout", "0"),
        ("users", "list"),
        ("keys", "list"),
    ],
)
def test_an_absent_database_is_one_line_without_the_password(words: tuple[str, ...]) -> None:
    """It names the address and the fix."""
    failure = _run(*words).exception
    assert isinstance(failure, NoAnswer)
    assert str(failure).startswith("PostgreSQL at postgresql://nobody@127.0.0.1:1/none")
    assert "wallet up" in str(failure)
    assert "secret" not in str(failure)
    assert "\n" not in str(failure)


@pytest.mark.parametrize("words", [("balance", WALLET), ("users", "list"), ("keys", "list")])
def test_an_address_that_cannot_be_read_shows_no_password(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One with a blank in it ends too early, and libpq would quote what comes after."""
    monkeypatch.setenv("WALLET_DATABASE_URL", "host=127.0.0.1 password=my secret dbname=none")
    failure = _run(*words).exception
    assert isinstance(failure, NoAnswer)
    assert str(failure).startswith("PostgreSQL at an address that cannot be read: ")
    assert "WALLET_DATABASE_URL" in str(failure)
    assert "secret" not in str(failure)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PARTITIONS", "four", ""),
        ("KAFKA_BOOTSTRAP", "kafka://k:9", "no host:port,host:port, got 'kafka://k:9'"),
        ("DATABASE_URL", "none", "neither postgresql://user@host:5432/name nor host=... dbname="),
        ("BANK_STATUS_URL", "https://x/y", "needs {key} in it, as https://bank/orders/{key}"),
    ],
)
def test_a_wrong_setting_names_its_variable(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a traceback of the settings library, nor that a server did not answer."""
    monkeypatch.setenv(f"WALLET_{name}", value)
    failure = _run("balance", WALLET).exception
    assert isinstance(failure, UsageFailure)
    assert str(failure).startswith(f"WALLET_{name}: {said}")
    assert failure.exit_code == 2


@pytest.mark.parametrize("words", [("deposit", WALLET, "5"), ("verify",), ("migrate",)])
def test_where_nothing_runs_nobody_waits(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither a copy nor a server is named, and nothing takes connections: told at once."""
    for name in ("WALLET_KAFKA_BOOTSTRAP", "WALLET_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WALLET_DATA", str(tmp_path / "none"))
    monkeypatch.setattr(socket, "create_connection", _refused)
    failure = _run(*words).exception
    assert isinstance(failure, NoAnswer)
    assert str(failure).startswith(f"no copy of the ledger runs on {tmp_path / 'none'}: start one")


def _refused(*_arguments: object, **_named: object) -> None:
    raise ConnectionRefusedError


def test_an_absent_kafka_is_said_once_by_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """In words, not as an object of its client's, and with what to do."""
    monkeypatch.setenv("WALLET_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    failure = _run("verify").exception
    assert isinstance(failure, NoAnswer)
    assert "could not be made: Kafka at 127.0.0.1:1: Failed to get metadata" in str(failure)
    assert "KafkaError" not in str(failure)
    assert "`wallet up`" in str(failure)


def test_who_does_not_wait_is_told_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends the waiting, not the command, which may have been sent."""

    class Interrupted:
        """A client of which nobody hears the result."""

        def send_message(self, message: Message) -> None:
            """Take a command."""
            assert message.id == "mine"

        def wait(self, _sent: None, _timeout: float) -> None:
            """Be interrupted."""
            raise KeyboardInterrupt

    monkeypatch.setattr(commands, "client_of", lambda _settings: nullcontext(Interrupted()))
    done = _run("deposit", WALLET, "5", "--id", "mine")
    assert done.exit_code == 130
    assert "`wallet result mine --source /wallet` tells" in done.stderr


def test_an_expiry_is_a_moment() -> None:
    """Seconds from now, or a time with its zone, in UTC and milliseconds."""
    assert Asking(expires="2026-11-20T12:00:00+02:00").expirytime() == "2026-11-20T10:00:00.000Z"
    text = Asking(expires="60").expirytime()
    assert text is not None
    assert datetime.fromisoformat(text).tzinfo is not None
    assert Asking().expirytime() is None


def test_capital_letters_in_a_wallet_id_are_forgiven() -> None:
    """What was pasted from elsewhere is made lower-case; then Kafka is looked for."""
    assert isinstance(_run("transfer", WALLET.upper(), OTHER, "5").exception, NoAnswer)
