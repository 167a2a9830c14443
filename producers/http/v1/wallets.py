"""Wallets: opened, shown, listed, made active or not."""

from typing import Any, Final, Literal

from pydantic import Field

from producers.http.answers import Answer
from producers.http.errors import EarlyError
from producers.http.gateway import telling
from producers.http.people.access import Access
from producers.http.route import Asked, Route
from producers.http.v1 import conditions, cursors, reading_wallets
from producers.http.v1.commanding import Done, command, new_wallet_id, source_of
from producers.http.v1.fields import (
    Closed,
    Currency,
    DryRun,
    Metadata,
    Noted,
    Paged,
    Phone,
    Reference,
    Text,
    WalletId,
    data_of,
)
from producers.http.v1.problems import Problem, problem
from producers.http.v1.reading_wallets import WalletRow
from producers.http.v1.shapes import WalletBody, WalletPage
from schemas.moments import in_milliseconds
from schemas.money import DEFAULT_CURRENCY, show

FAMILY: Final = "v1"
LIST: Final = "wallets"
PATH: Final = "/v1/wallets"

Status = Literal["active", "deactivated", "suspended"]


class Owner(Closed):
    """Whose a wallet is."""

    name: Text | None = Field(None, max_length=256, examples=["Sara"])
    email: Text | None = Field(None, max_length=256, examples=["sara@example.org"])
    phone: Phone | None = None


class NewWallet(Closed):
    """Nothing has to be said: then it holds rials, and gets a new id."""

    wallet_id: WalletId | None = Field(None, description="An id of your own, best a UUIDv7")
    currency: Currency = DEFAULT_CURRENCY
    owner: Owner | None = None
    reference: Reference | None = None
    metadata: Metadata | None = None


class NewStatus(Noted):
    """What the wallet is to be. One that is not active neither gives nor takes money."""

    status: Status


class WalletsQuery(Paged):
    """Which of them."""

    currency: Currency | None = None
    status: Status | None = Field(None, description="Those that are so now")


async def create_wallet(asked: Asked) -> Answer:
    """Open a wallet."""
    wanted: NewWallet = asked.body
    wallet_id = wanted.wallet_id or new_wallet_id(asked)
    done = await command(asked, "wallet.create.v1", data_of(wanted, wallet_id=wallet_id))
    body = _opened(asked, done, wanted)
    if done.is_dry:
        return Answer({**body, "dry_run": True})
    return Answer(body, 201, {"Location": body["url"], "ETag": etag(1), **done.headers})


async def show_wallet(asked: Asked) -> Answer:
    """A wallet as it is now; 304 where the caller's is the same."""
    found = await asked.gateway.v1_wallets.read(asked.path["wallet_id"])
    if found is None:
        raise no_wallet(asked.path["wallet_id"])
    return conditions.shown(asked, body_of(found, asked.base), etag(found.sequence))


async def set_wallet_status(asked: Asked) -> Answer:
    """Make a wallet active, deactivated or suspended."""
    wallet_id = asked.path["wallet_id"]
    said = data_of(asked.body, wallet_id=wallet_id)
    if_sequence = conditions.sequence_wanted(asked)
    if if_sequence is not None:
        said["if_sequence"] = if_sequence
    done = await command(asked, "wallet.set_status.v1", said)
    with telling(asked, source_of(asked)):
        found = await asked.gateway.reading.read(reading_wallets.wallet, wallet_id)
    if found is None:
        raise no_wallet(wallet_id)
    result = done.result
    body = body_of(found, asked.base) | {
        "balance": result.balance,
        "status": asked.body.status,
        "sequence": result.sequence,
        "updated_at": result.recorded_at,
    }
    if done.is_dry:
        return Answer({**body, "dry_run": True})
    assert result.sequence is not None, "what was done has one"
    return Answer(body, headers={"ETag": etag(result.sequence), **done.headers})


async def list_wallets(asked: Asked) -> Answer:
    """Wallets, by id."""
    wanted: WalletsQuery = asked.query
    rows = await asked.gateway.reading.read(
        reading_wallets.several,
        wanted.limit + 1,
        cursors.id_after(LIST, wanted.cursor),
        wanted.currency,
        wanted.status,
    )
    shown, following = cursors.cut(LIST, rows, wanted.limit, lambda row: row.wallet_id)
    return cursors.page(asked, PATH, [body_of(row, asked.base) for row in shown], following)


def no_wallet(wallet_id: str) -> EarlyError:
    """404: there is no such wallet."""
    words = f"There is no wallet with the id {wallet_id}."
    return problem("wallet_not_found", words, param="wallet_id", context={"wallet_id": wallet_id})


def etag(sequence: int) -> str:
    """The version of a wallet: every change of it counts one more."""
    return f'"{sequence}"'


def body_of(found: WalletRow, base: str) -> dict[str, Any]:
    """A wallet's body."""
    return {
        "wallet_id": found.wallet_id,
        "url": f"{base}{PATH}/{found.wallet_id}",
        "currency": found.currency,
        "balance": show(found.balance_minor, found.currency),
        "status": found.status,
        "sequence": found.sequence,
        "created_at": in_milliseconds(found.created_at),
        "updated_at": in_milliseconds(found.updated_at),
        "owner": found.owner,
        "metadata": found.metadata or {},
    }


def _opened(asked: Asked, done: Done, wanted: NewWallet) -> dict[str, Any]:
    """A wallet that was just opened: nothing has to be read for it."""
    result = done.result
    owner = wanted.owner.model_dump(exclude_none=True) if wanted.owner else None
    return {
        "wallet_id": result.wallet_id,
        "url": f"{asked.base}{PATH}/{result.wallet_id}",
        "currency": result.currency,
        "balance": result.balance,
        "status": "active",
        "sequence": result.sequence,
        "created_at": result.recorded_at,
        "updated_at": result.recorded_at,
        "owner": owner,
        "metadata": wanted.metadata or {},
    }


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="POST", path="/v1/wallets", handler=create_wallet, family=FAMILY,
        summary="Open a wallet", body=NewWallet, query=DryRun, needs_key=True, slash=False,
        access=Access.COMMAND,
        answers={201: WalletBody, 200: WalletBody, 400: Problem, 403: Problem, 409: Problem,
                 422: Problem},
    ),
    Route(
        method="GET", path="/v1/wallets", handler=list_wallets, family=FAMILY,
        summary="Wallets, by id", query=WalletsQuery, slash=False, access=Access.READ_ALL,
        answers={200: WalletPage, 400: Problem, 403: Problem},
    ),
    Route(
        method="GET", path="/v1/wallets/{wallet_id:uuid}", handler=show_wallet, family=FAMILY,
        summary="A wallet as it is now", slash=False, access=Access.OWNER,
        answers={200: WalletBody, 304: None, 403: Problem, 404: Problem},
    ),
    Route(
        method="POST", path="/v1/wallets/{wallet_id:uuid}/status", handler=set_wallet_status,
        family=FAMILY, summary="Make a wallet active, deactivated or suspended", body=NewStatus,
        query=DryRun, needs_key=True, slash=False, access=Access.COMMAND,
        answers={200: WalletBody, 400: Problem, 403: Problem, 404: Problem, 409: Problem,
                 412: Problem, 422: Problem},
    ),
)  # fmt: skip
