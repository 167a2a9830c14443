"""What people may move in a day: all gateways together let no more through, and no less."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from producers.http.errors import EarlyError
from producers.http.people.kyc_days import KycDays
from producers.http.people.principal import Principal
from producers.http.people.roles import Role
from producers.http.reading import Reading
from producers.message import uuid7
from schemas.commands import Command
from schemas.settings import Settings
from tests.apis import problem
from tests.gateways import GatewayProcess, Reply, served
from tests.people import PASSWORD, basic, bearer, new_user
from tests.people import person as somebody
from tests.workers import demoted, execute, rows, wait_until

pytestmark = pytest.mark.integration

CODE = "kyc_day_limit_exceeded"
PHONE = "09121234567"
SECONDS = 30.0


@pytest.fixture(scope="module")
def ledger(new_ledger: Callable[..., Settings]) -> Settings:
    """A ledger in which people of level 0 move 100 a day."""
    return new_ledger(kyc_day_limits="0=100,1=none")


@pytest.fixture(scope="module")
def gateways(ledger: Settings, folder: Path) -> Iterator[tuple[GatewayProcess, ...]]:
    """Two gateways of it."""
    with served(ledger, folder) as first, GatewayProcess(ledger, folder / "second.log") as second:
        yield first, second
    assert "Traceback" not in second.said


class Person:
    """Somebody with a wallet and 1,000 in it, who moves money by one gateway or the other."""

    def __init__(self, *gateways: GatewayProcess) -> None:
        self.gateways = gateways
        gateway = gateways[0]
        self.user: Any = new_user(gateway)
        self.wallet = str(self.user["wallet_id"])
        said = {"username": self.user["username"], "password": PASSWORD}
        self.headers = bearer(gateway("POST", "/v1/tokens", said).json["token"])
        paid = gateway("PATCH", f"/api/wallets/{self.wallet}/deposit/", {"amount": "1000"})
        assert paid.status == 200, paid

    def post(
        self, path: str, amount: str, key: str | None = None, turn: int = 0, **more: object
    ) -> Reply:
        """Move money."""
        headers = {**self.headers, "Idempotency-Key": key or uuid7()}
        body = {"wallet_id": self.wallet, "amount": amount, **more}
        return self.gateways[turn % 2]("POST", f"/v1/{path}", body, headers)

    def sell(self, amount: str, key: str | None = None, turn: int = 0) -> Reply:
        """Sell a charge."""
        return self.post("charge-sales", amount, key, turn, phone_number=PHONE)


@pytest.fixture
def person(gateways: tuple[GatewayProcess, ...]) -> Person:
    """Somebody new."""
    return Person(*gateways)


def test_all_gateways_together_let_no_more_through(person: Person, ledger: Settings) -> None:
    """Of thirty sales of 10 that come at once ten are done; the numbers are told."""
    with ThreadPoolExecutor(15) as threads:
        replies = list(threads.map(lambda turn: person.sell("10", turn=turn), range(30)))
    assert Counter(reply.status for reply in replies) == {201: 10, 403: 20}
    told = [problem(reply, 403, CODE)["context"] for reply in replies if reply.status == 403][-1]
    assert told == {
        "level": "0",
        "limit": "100",
        "moved": "100",
        "left": "0",
        "required": "10",
        "day": told["day"],
    }
    with rows(
        ledger, "SELECT balance_minor FROM wallets WHERE wallet_id = %s", person.wallet
    ) as is_:
        assert Decimal(is_[0][0]) == 90_000


def test_what_was_not_moved_counts_no_more(person: Person) -> None:
    """A refusal of the ledger, a withdrawal called off; and what is only tried takes nothing."""
    nobody = uuid7()
    refused = person.post("transfers", "90", to_wallet_id=nobody)
    assert problem(refused, 404, "wallet_not_found")
    later = person.post("withdrawals", "60", delay="P1D")
    assert later.status == 201
    assert person.post("charge-sales?dry_run=true", "40", phone_number=PHONE).status == 200
    problem(person.post("charge-sales?dry_run=true", "40.01", phone_number=PHONE), 403, CODE)
    assert person.sell("40").status == 201
    assert problem(person.sell("0.01"), 403, CODE)["context"]["left"] == "0"
    path = f"withdrawals/{later.json['withdrawal_id']}/cancel"
    headers = {**person.headers, "Idempotency-Key": uuid7()}
    assert person.gateways[0]("POST", f"/v1/{path}", {}, headers).status == 200
    assert person.sell("60", turn=1).status == 201
    problem(person.sell("1"), 403, CODE)


def test_a_repetition_takes_nothing_and_other_content_does(person: Person) -> None:
    """Under one key: the first answer comes again also when the day is over."""
    first = person.sell("70", "same")
    assert first.status == 201
    assert problem(person.sell("30.01", "other"), 403, CODE)["context"]["left"] == "30"
    assert person.sell("30", "other").status == 201
    again = person.sell("70", "same", turn=1)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.json["transaction_id"] == first.json["transaction_id"]
    assert problem(person.sell("70.00", "same"), 422, "idempotency_key_reused")
    problem(person.sell("1"), 403, CODE)


def test_a_new_day_is_a_new_day(person: Person, ledger: Settings) -> None:
    """What was moved the day before is forgotten with the next move."""
    assert person.sell("100").status == 201
    execute(ledger, "UPDATE kyc_moves SET day = day - 1 WHERE wallet_id = %s", person.wallet)
    assert person.sell("100").status == 201
    query = "SELECT count(*) FROM kyc_moves WHERE wallet_id = %s"
    with rows(ledger, query, person.wallet) as found:
        assert found == [(1,)]


def test_a_repetition_on_a_later_day_takes_nothing_of_it(person: Person, ledger: Settings) -> None:
    """The first answer comes again; the whole new day is left."""
    first = person.sell("90", "late")
    assert first.status == 201
    execute(ledger, "UPDATE kyc_moves SET day = day - 1 WHERE wallet_id = %s", person.wallet)
    again = person.sell("90", "late", turn=1)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert person.sell("100").status == 201
    assert problem(person.sell("1"), 403, CODE)["context"]["moved"] == "100"


async def test_what_waits_for_its_result_as_the_day_ends_takes_nothing_of_the_next(
    ledger: Settings,
) -> None:
    """The command is nowhere but in its own day."""
    wallet_id, key = uuid7(), uuid7()
    waiting, other = (wanted(wallet_id, each, "90") for each in (key, uuid7()))
    reading = Reading(ledger, threads=1, read_only=False)
    days = KycDays("0=100", reading)
    who = Principal("user", "sara", Role.USER, id=12, wallet_id=wallet_id, kyc_level=0)
    try:
        await days.admit(who, waiting)
        execute(ledger, "UPDATE kyc_moves SET day = day - 1 WHERE wallet_id = %s", wallet_id)
        await days.admit(who, waiting)
        await days.admit(who, other)
        with pytest.raises(EarlyError) as refused:
            await days.admit(who, wanted(wallet_id, uuid7(), "11"))
    finally:
        reading.close()
    assert refused.value.answer.status == 403
    query = "SELECT command_key, amount FROM kyc_moves WHERE wallet_id = %s"
    with rows(ledger, query, wallet_id) as found:
        assert found == [(other.key, Decimal(90))]


@pytest.fixture
def days(ledger: Settings) -> Iterator[KycDays]:
    """The limits of a gateway that has no requests."""
    writing = Reading(ledger, threads=1, read_only=False)
    yield KycDays("0=100", writing)
    writing.close()


def stands(ledger: Settings, wallet_id: str) -> list[tuple[object, ...]]:
    """What was taken from a wallet's days."""
    query = "SELECT command_key, amount FROM kyc_moves WHERE wallet_id = %s"
    with rows(ledger, query, wallet_id) as found:
        return found


async def test_what_was_certainly_not_sent_is_given_back(days: KycDays, ledger: Settings) -> None:
    """Sent again on a later day it takes from that one; only what one has taken is given back."""
    who, command = nobody(), wanted(uuid7(), uuid7(), "90")
    wallet_id = command.data.wallet_id
    taken = await days.admit(who, command)
    assert taken is not None
    assert stands(ledger, wallet_id) == [(command.key, Decimal(90))]
    await days.give_back(taken)
    assert stands(ledger, wallet_id) == []
    again, other = await days.admit(who, command), wanted(wallet_id, uuid7(), "10")
    assert again is not None
    assert await days.admit(who, other) is not None
    await days.give_back(taken)
    assert len(stands(ledger, wallet_id)) == 2, "it was another's"
    await days.give_back(again)
    assert stands(ledger, wallet_id) == [(other.key, Decimal(10))]


async def test_what_another_request_may_have_sent_is_not_given_back(
    days: KycDays, ledger: Settings
) -> None:
    """It came under the same key meanwhile, and took nothing, for that was taken."""
    who, command = nobody(), wanted(uuid7(), uuid7(), "90")
    taken = await days.admit(who, command)
    assert taken is not None
    assert await days.admit(who, command) is None
    await days.give_back(taken)
    assert stands(ledger, command.data.wallet_id) == [(command.key, Decimal(90))]


async def test_what_cannot_be_given_back_counts(days: KycDays, ledger: Settings) -> None:
    """A request that was not sent is told that; a database that takes nothing changes nothing."""
    command = wanted(uuid7(), uuid7(), "90")
    taken = await days.admit(nobody(), command)
    assert taken is not None
    execute(ledger, "ALTER TABLE kyc_moves RENAME TO kyc_moves_away")
    try:
        await days.give_back(taken)
    finally:
        execute(ledger, "ALTER TABLE kyc_moves_away RENAME TO kyc_moves")
    assert len(stands(ledger, command.data.wallet_id)) == 1


def nobody() -> Principal:
    """Somebody of level 0, without a gateway."""
    return Principal("user", "sara", Role.USER, id=12, kyc_level=0)


def wanted(wallet_id: str, key: str, amount: str) -> Command:
    """A sale as far as the limits look at it."""
    data = SimpleNamespace(wallet_id=wallet_id, amount=amount)
    said = SimpleNamespace(type="charge_sale.v1", data=data, key=key, fingerprint=uuid7())
    return cast("Command", said)


def test_who_has_no_limit_and_whoever_commands_for_them_has_none(
    person: Person, ledger: Settings
) -> None:
    """By the level; without credentials an open gateway's caller is an admin."""
    body = {"wallet_id": person.wallet, "amount": "150", "phone_number": PHONE}
    sold = person.gateways[0]("POST", "/v1/charge-sales", body, {"Idempotency-Key": uuid7()})
    assert sold.status == 201
    problem(person.sell("150"), 403, CODE)
    other = Person(*person.gateways)
    execute(ledger, "UPDATE users SET kyc_level = 1 WHERE id = %s", other.user["id"])
    said = {"username": other.user["username"], "password": PASSWORD}
    other.headers = bearer(other.gateways[1]("POST", "/v1/tokens", said).json["token"])
    assert other.sell("150", turn=1).status == 201


def test_nothing_is_moved_while_the_database_takes_nothing(
    person: Person, ledger: Settings
) -> None:
    """As a standby after a failover: a token, a user and a move are to be tried again, then done.

    Neither gateway logs an error of ours, which would tell what it was to write.
    """
    with demoted(ledger):
        execute(
            ledger,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'wallet-gateway'",
        )
        for turn in range(4):
            own = basic(person.user["username"])
            gateway = person.gateways[turn % 2]
            assert person.sell("1", turn=turn).status == 503
            assert gateway("POST", "/v1/tokens", None, own).status == 503
            assert gateway("POST", "/api/users/", somebody()).status == 503
    wait_until(lambda: person.sell("1").status == 201, SECONDS, "sale")
    assert new_user(person.gateways[0])
