"""What was done is told as done: where the answer cannot be read, and where a key comes again."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast
from urllib.parse import quote

import pytest

from producers.http.answers import Answer
from producers.http.asking import Asking, Heard, NotSentError, PendingAnswerError
from producers.http.console import credit_requests, tokens
from producers.http.console import people as console_people
from producers.http.console.forms import Form
from producers.http.errors import EarlyError, busy, detail
from producers.http.gateway import Gateway
from producers.http.people import changing
from producers.http.people.changing import KeyRow
from producers.http.people.people import People
from producers.http.people.principal import OPEN, Principal
from producers.http.people.reading import UserRow
from producers.http.people.rights import Rights
from producers.http.people.roles import Role
from producers.http.reading import Reading
from producers.http.reading_wallets import WalletFacts
from producers.http.route import Asked
from producers.http.seeds import (
    seed000,
    seed002_moves,
    seed003_sellers,
    seed004,
)
from producers.http.seeds.reading000 import Owner
from producers.http.seeds.reading003 import SellerRow
from producers.http.seeds.sellers import Reserved, Sellers
from producers.http.v1 import moves, wallets
from producers.http.v1.fields import DryRun
from producers.http.v1.keys import Keys
from producers.http.v1.reading_cases import CreditRequestRow
from producers.message import Message, uuid7
from schemas.results import AnyResult, CommandRef, CreditRequestBody
from schemas.settings import Settings

WALLET, OTHER = uuid7(), uuid7()
NOW = datetime(2026, 11, 20, tzinfo=UTC)
SARA = Principal("user", "sara", Role.USER, id=12, wallet_id=WALLET, phone_number="09121111111")
SELLER = SellerRow(7, WALLET, "a", "a@b.ir", "09121111111", is_active=True,
                   balance_minor=0, currency="IRR", created_at=NOW, updated_at=NOW)  # fmt: skip
SHOP = Owner("09121111111", "shop", Role.USER, WALLET, is_active=True)
CREDITED = CreditRequestBody(OTHER, 17, "approved", "5.00", "IRR")
CREDIT = CreditRequestRow(OTHER, 17, WALLET, "pending", 500, "IRR", None, None, NOW, NOW)
KEY = KeyRow(3, "till", "wsk_sec", None, "service", ["read"], NOW, None, None)
Handler = Callable[[Asked], Awaitable[Answer]]


class Ledger:
    """Does every command, and remembers it; its database may be away once it has."""

    def __init__(self, found: dict[str, object], *, is_away: bool) -> None:
        self.found = found
        self.is_away = is_away
        self.done: dict[str, AnyResult] = {}
        self.is_full = self.has_written = False
        self.failure: Exception | None = None
        self.taken: list[str] = []

    async def ask(self, message: Message, **_: object) -> AnyResult:
        """As Asking.ask."""
        if self.failure is not None:
            raise self.failure
        kind = dict(message.headers)["ce_type"].decode()
        place = CommandRef("/http", message.id, kind, "commands", 0, 7)
        made = AnyResult(
            place, "completed", WALLET, "2026-11-20T10:00:00.000Z", {}, "IRR", "5.00", 2,
            transaction_id=uuid7(), credit_request=CREDITED,
        )  # fmt: skip
        return self.done.setdefault(message.id, made)

    async def hear(self, message: Message, **_: object) -> Heard:
        """As Asking.hear."""
        return Heard(await self.ask(message), is_replayed=False)

    async def known(self, message: Message) -> Heard | None:
        """As Asking.known."""
        found = self.done.get(message.id)
        return Heard(found, is_replayed=True) if found else None

    async def read(self, query: Callable[..., object], *_: object, **__: object) -> object:
        """As Reading.read."""
        if self.is_away and (self.done or self.has_written):
            raise busy("The database does not answer in time.")
        self.has_written = query is changing.make_key
        return self.found[query.__name__]

    @property
    def writing(self) -> "Ledger":
        """As People.writing."""
        return self

    async def reserve(self, *_: object) -> Reserved:
        """As Sellers.reserve."""
        return Reserved(WALLET)

    async def finish(self, *_: object) -> bool:
        """As Sellers.finish."""
        return True

    async def admit(self, _: object, message: Message, **__: object) -> str:
        """As People.admit: there was a limit all along, or is one by now."""
        if self.is_full:
            raise detail(403, "Too much.")
        self.taken.append(message.id)
        return message.id

    async def give_back(self, taken: str) -> None:
        """As People.give_back."""
        self.taken.remove(taken)

    async def user(self, _: int) -> object:
        """As People.user."""
        return self.found["user"]


class Open(Gateway):
    """A gateway without servers."""

    def __init__(self, ledger: Ledger) -> None:
        own = cast("Any", ledger)
        self.settings = Settings()
        self.asking, self.reading = cast("Asking", own), cast("Reading", own)
        self.people, self.sellers = cast("People", own), cast("Sellers", own)
        self.keys = Keys()

    async def facts(self, wallet_id: str) -> WalletFacts:
        """Every wallet is there."""
        return WalletFacts(wallet_id, "IRR", NOW)


def asking(
    ledger: Ledger,
    family: str,
    body: object,
    who: Principal = OPEN,
    key: str | None = None,
    **path: Any,  # noqa: ANN401 - parts of any kind
) -> Asked:
    """A request."""
    return Asked(
        gateway=Open(ledger), family=family, path=path, query=DryRun(), body=body, key=key,
        base="http://here", request_id="r", rights=Rights(who, self_deposits=True), address="::1",
    )  # fmt: skip


async def refused(handler: Handler, asked: Asked) -> Answer:
    """What it is answered instead."""
    with pytest.raises(EarlyError) as early:
        await handler(asked)
    return early.value.answer


DEPOSIT = seed004.NewDeposit(amount=Decimal(5))
WITHDRAWAL = seed004.NewWithdrawal.model_validate({"amount": "5", "delay": "PT5M"})
NEW_SELLER = seed003_sellers.NewSeller(name="a", email="a@b.ir", phone="09121111111")
CHANGES = seed003_sellers.SellerChanges(is_active=False)
REFUND = moves.NewRefund.model_validate({"wallet_id": WALLET, "transaction_id": OTHER})
CASES: list[tuple[Handler, str, object, dict[str, object]]] = [
    (seed004.deposit, "004", DEPOSIT, {"uuid": WALLET}),
    (seed004.withdraw, "004", WITHDRAWAL, {"uuid": WALLET}),
    (seed003_sellers.create_seller, "003", NEW_SELLER, {}),
    (seed003_sellers.change_seller, "003", CHANGES, {"id": 7}),
    (wallets.set_wallet_status, "v1", wallets.NewStatus(status="suspended"), {"wallet_id": WALLET}),
    (moves.refund, "v1", REFUND, {}),
]  # fmt: skip


@pytest.mark.parametrize(("handler", "family", "body", "path"), CASES)
async def test_an_answer_that_cannot_be_read_is_pending(
    handler: Handler, family: str, body: object, path: dict[str, Any]
) -> None:
    """With the command's id: whoever was told to come again would have it done twice."""
    ledger = Ledger({"seller": SELLER}, is_away=True)
    asked = asking(ledger, family, body, key="k" if family == "v1" else None, **path)
    answer = await refused(handler, asked)
    (command_id,) = ledger.done
    assert answer.status == 202
    url = f"http://here/v1/results/{quote(command_id)}?source=%2Fhttp%2F{family}"
    told = {"command_id": command_id, "source": f"/http/{family}", "url": url}
    assert answer.body == {"status": "pending", **told}


async def test_a_form_that_was_done_does_not_say_that_nothing_was() -> None:
    """Though the credit request that it has approved cannot be shown now."""
    ledger = Ledger({"credit_request": CREDIT}, is_away=True)
    headers = {"Authorization": "Basic eA=="}
    said = {"token": tokens.token_of(headers["Authorization"], OPEN), "key": uuid7(), "id": OTHER}
    form = Form(said={"action": ["approve"], **{name: [text] for name, text in said.items()}})
    asked = replace(asking(ledger, "console", form), headers=headers)
    answer = await credit_requests.decide(asked)
    assert isinstance(answer.body, bytes)
    assert len(ledger.done) == 1
    assert (b"Nothing was done" in answer.body, OTHER.encode() in answer.body) == (False, True)


async def test_a_key_that_was_made_is_shown() -> None:
    """Now or never: also where the list of the others cannot be read."""
    ledger = Ledger({"make_key": ("wsk_secret", KEY)}, is_away=True)
    headers = {"Authorization": "Basic eA=="}
    said = {"name": "till", "scope": "read", "role": "service"}
    said["token"] = tokens.token_of(headers["Authorization"], OPEN)
    form = Form(said={name: [text] for name, text in said.items()})
    asked = replace(asking(ledger, "console", form), headers=headers)
    answer = await console_people.make_key(asked)
    assert isinstance(answer.body, bytes)
    assert (answer.status, b"wsk_secret" in answer.body) == (200, True)
    with pytest.raises(EarlyError):
        await console_people.list_keys(asked)


async def test_what_was_not_sent_is_told_so() -> None:
    """A read that fails before the command is a 503 as ever."""
    away = Ledger({}, is_away=True)
    away.done["another"] = cast("AnyResult", None)
    asked = asking(away, "003", CHANGES, id=7)
    assert (await refused(seed003_sellers.change_seller, asked)).status == 503
    assert list(away.done) == ["another"]


SALE = seed000.NewSale.model_validate(
    {
        "seller_phone_number": SHOP.phone_number,
        "receiver_phone_number": "09122222222",
        "amount": "1000",
    }
)
TRANSFER = seed002_moves.NewTransfer.model_validate({"receiver_id": 13, "amount": "5"})


def people(*, is_active: bool) -> dict[str, object]:
    """Two users, who may have been disabled."""
    receiver = Owner("09122222222", "reza", Role.USER, OTHER, is_active)
    user = UserRow(13, "reza", None, Role.USER, OTHER, 0, is_active, NOW, NOW)
    return {"owners": {SHOP.phone_number: SHOP, receiver.phone_number: receiver}, "user": user}


@pytest.mark.parametrize(
    ("handler", "family", "body", "status"),
    [(seed000.sell, "000", SALE, 400), (seed002_moves.transfer, "002", TRANSFER, 400)],
)
async def test_a_key_that_comes_again_gets_the_first_answer(
    handler: Handler, family: str, body: object, status: int
) -> None:
    """Though its receiver was disabled since; another key, or none, is refused."""
    ledger = Ledger(people(is_active=True), is_away=False)
    first = await handler(asking(ledger, family, body, SARA, "k"))
    ledger.found = people(is_active=False)
    assert await handler(asking(ledger, family, body, SARA, "k")) == first
    for key in ("other", None):
        answer = await refused(handler, asking(ledger, family, body, SARA, key))
        assert answer.status == status
    assert list(ledger.done) == ["k"]


TRANSFERS: list[tuple[Handler, str, object]] = [
    (seed002_moves.transfer, "002", TRANSFER),
    (moves.transfer, "v1", moves.NewTransfer(wallet_id=WALLET, to_wallet_id=OTHER, amount="5")),
]


@pytest.mark.parametrize(("handler", "family", "body"), TRANSFERS)
@pytest.mark.parametrize(
    ("failure", "status", "left"),
    [
        (NotSentError(busy("Too many requests wait.").answer), 503, []),
        (busy("Kafka took nothing"), 503, ["k"]),
        (PendingAnswerError(), 202, ["k"]),
    ],
)
async def test_what_was_certainly_not_sent_counts_for_no_limit(
    handler: Handler, family: str, body: object, failure: Exception, status: int, left: list[str]
) -> None:
    """What may have been sent does."""
    ledger = Ledger(people(is_active=True), is_away=False)
    ledger.failure = failure
    assert (await refused(handler, asking(ledger, family, body, SARA, "k"))).status == status
    assert ledger.taken == left


@pytest.mark.parametrize(("handler", "family", "body"), TRANSFERS)
async def test_a_limit_that_came_later_refuses_no_repetition(
    handler: Handler, family: str, body: object
) -> None:
    """Of what was done before: it moves nothing."""
    ledger = Ledger(people(is_active=True), is_away=False)
    first = await handler(asking(ledger, family, body, SARA, "k"))
    ledger.is_full = True
    again = await handler(asking(ledger, family, body, SARA, "k"))
    assert (again.body, again.status) == (first.body, first.status)
    assert again.headers.get("Idempotency-Replayed") == ("true" if family == "v1" else None)
    assert (await refused(handler, asking(ledger, family, body, SARA, "other"))).status == 403
