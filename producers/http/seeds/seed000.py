"""Service 000: sellers ask an admin for credit, and sell from their wallet to a phone's.

Whoever is meant is named by the phone number.
"""

from typing import Final

from pydantic import BaseModel

from producers.http import fields
from producers.http.answers import Answer
from producers.http.errors import EarlyError, detail, early, wrong_field
from producers.http.fields import two_decimals
from producers.http.meta import Detail
from producers.http.people.access import Access, forbidden
from producers.http.people.making import make_user
from producers.http.people.roles import Role
from producers.http.people.users import Person
from producers.http.route import Asked, Route
from producers.http.seeds import reading000
from producers.http.seeds.bodies000 import CreditCode, Processed, SaleCode
from producers.http.seeds.fields000 import Amount, Phone
from producers.http.seeds.reading000 import Owner
from schemas.identifiers import MAX_BIGINT
from schemas.refusals import Code
from schemas.results import Error

FAMILY: Final = "000"
ACCEPTED: Final = 1
"""The status that accepts a credit request; any other rejects it."""

UNKNOWN_USER: Final = "No User matches the given query."
NOT_PENDING: Final = "Credit request not found or already processed"
SELLER_INACTIVE: Final = "Seller wallet is not active"
TARGET_INACTIVE: Final = "Target wallet is not active"
INSUFFICIENT: Final = "Insufficient balance in seller wallet"
BAD_REQUEST: Final = 400


class NewCreditRequest(BaseModel):
    """Whose wallet is to get how much."""

    seller_phone_number: Phone
    amount: Amount


class Decision(BaseModel):
    """The phone of the admin who decides, the number of the credit request, and 1 for yes."""

    phone_number: Phone
    credit_id: fields.Whole
    status: fields.Whole


class NewSale(BaseModel):
    """From whose wallet how much goes to whose; who has the second phone may not be here yet."""

    seller_phone_number: Phone
    receiver_phone_number: Phone
    amount: Amount


async def request_credit(asked: Asked) -> Answer:
    """Ask for credit."""
    wanted: NewCreditRequest = asked.body
    people = await _owners(asked, wanted.seller_phone_number)
    wallet, refusal = _sellers_wallet(asked, people.get(wanted.seller_phone_number))
    data = {"wallet_id": wallet, "amount": two_decimals(wanted.amount)}
    result = await asked.gateway.ask(asked, "credit_request.create.v1", data, refusal)
    if result.error:
        raise _refused(result.error, wallet)
    assert result.credit_request, "a credit request tells itself"
    return Answer({"code": result.credit_request.number}, 201)


async def process_credit_request(asked: Asked) -> Answer:
    """Accept or reject a credit request; of all who try, one does."""
    wanted: Decision = asked.body
    admin, refusal = await _admin(asked, wanted.phone_number)
    read, found = asked.gateway.reading.read, None
    if 0 < wanted.credit_id <= MAX_BIGINT:
        found = await read(reading000.credit_request, wanted.credit_id)
    if found is None:
        raise refusal or _listed(NOT_PENDING)
    kind = "approve" if wanted.status == ACCEPTED else "reject"
    data = {
        "wallet_id": found.wallet_id,
        "credit_request_id": found.credit_request_id,
        "by": admin.username[:128],
    }
    result = await asked.gateway.ask(asked, f"credit_request.{kind}.v1", data, refusal)
    if result.error:
        raise _refused(result.error, found.wallet_id)
    return Answer({"msg": "done"}, 202)


async def sell(asked: Asked) -> Answer:
    """Sell: the money goes from the seller's wallet to the receiver's, all of it or none."""
    wanted: NewSale = asked.body
    seller, phone = wanted.seller_phone_number, wanted.receiver_phone_number
    people = await _owners(asked, seller, phone)
    wallet, refusal = _sellers_wallet(asked, people.get(seller))
    receiver = people.get(phone)
    if receiver is None:
        if refusal is not None:  # nobody is made for a sale that cannot be
            raise refusal
        receiver = await _new_owner(asked, phone)
    if receiver.wallet_id is None:
        raise refusal or _listed(TARGET_INACTIVE)
    refusal = refusal or _refused_now(receiver, TARGET_INACTIVE)
    data = {
        "wallet_id": wallet,
        "phone_number": phone,
        "amount": two_decimals(wanted.amount),
        "to_wallet_id": receiver.wallet_id,
    }
    result = await asked.gateway.ask(asked, "charge_sale.v1", data, refusal)
    if result.error:
        raise _refused(result.error, wallet)
    return Answer({"code": result.transaction_id}, 201)


def _sellers_wallet(asked: Asked, found: Owner | None) -> tuple[str, EarlyError | None]:
    """The wallet of a seller, and why it does nothing now. Raises EarlyError 403 or 404."""
    asked.rights.move(found.wallet_id if found else None)
    if found is None:
        raise detail(404, UNKNOWN_USER)
    if found.wallet_id is None:
        raise detail(404, "No Wallet matches the given query.")
    return found.wallet_id, _refused_now(found, SELLER_INACTIVE)


def _refused_now(owner: Owner, words: str) -> EarlyError | None:
    """Why somebody who is not active gets and gives nothing; what was done before stays done."""
    return None if owner.is_active else _listed(words)


async def _new_owner(asked: Asked, phone: str) -> Owner:
    """A user without a password, called as the phone is; of many who ask at once one makes it."""
    refused = None
    for name in (phone, f"phone-{phone}"):
        try:
            await make_user(asked, Person(name, Role.USER, phone))
        except EarlyError as error:
            if error.answer.status != BAD_REQUEST:
                raise
            refused = error
        found = await _owners(asked, phone)
        if found:
            return found[phone]
    raise refused or detail(404, UNKNOWN_USER)


async def _admin(asked: Asked, phone: str) -> tuple[Owner, EarlyError | None]:
    """The admin with a phone, and why it decides nothing now. Raises EarlyError 403 or 404."""
    found = (await _owners(asked, phone)).get(phone)
    if found is None:
        raise detail(404, UNKNOWN_USER)
    if asked.who.user_id is not None and asked.who.phone_number != phone:
        raise forbidden()  # nobody decides in another's name
    is_admin = found.role is Role.ADMIN and found.is_active
    return found, None if is_admin else forbidden()


async def _owners(asked: Asked, *phones: str) -> dict[str, Owner]:
    return await asked.gateway.reading.read(reading000.owners, phones)


def _refused(refusal: Error, seller: str) -> EarlyError:
    """A refusal in the service's words; all but a wrong amount are lists."""
    match refusal.code:
        case Code.INSUFFICIENT_FUNDS:
            return _listed(INSUFFICIENT)
        case Code.WALLET_NOT_ACTIVE:
            is_sellers = refusal.context.get("wallet_id") == seller
            return _listed(SELLER_INACTIVE if is_sellers else TARGET_INACTIVE)
        case Code.CREDIT_REQUEST_NOT_FOUND | Code.CREDIT_REQUEST_NOT_PENDING:
            return _listed(NOT_PENDING)
        case Code.SAME_WALLET:
            return _listed("Seller and receiver are the same")
        case _ if refusal.param == "amount":
            return wrong_field("amount", refusal.detail)
        case _:
            return _listed(refusal.detail)


def _listed(words: str) -> EarlyError:
    return early(BAD_REQUEST, [words])


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="POST", path="/api/wallet/credit_request", handler=request_credit, family=FAMILY,
        access=Access.HANDLER, slash=False, summary="Ask for credit", body=NewCreditRequest,
        answers={201: CreditCode, 400: dict | list[str], 404: Detail},
    ),
    Route(
        method="POST", path="/api/wallet/admin/process_credit_request",
        handler=process_credit_request, family=FAMILY, access=Access.ADMIN, slash=False,
        summary="Accept or reject a credit request, once", body=Decision,
        answers={202: Processed, 400: dict | list[str], 403: Detail, 404: Detail},
    ),
    Route(
        method="POST", path="/api/wallet/charge_sale", handler=sell, family=FAMILY,
        access=Access.HANDLER, slash=False, summary="Sell from a wallet to a phone's wallet",
        body=NewSale, answers={201: SaleCode, 400: dict | list[str], 404: Detail},
    ),
)  # fmt: skip
