"""Makes a user for a request, with a wallet: once, whatever breaks off in between."""

from dataclasses import replace

from producers.http.errors import EarlyError, detail, early, error
from producers.http.gateway import new_wallet_id
from producers.http.people.reading import UserRow
from producers.http.people.users import FAMILY, Person, Reserved, TakenError, opening_id
from producers.http.route import Asked

TAKEN_WORDS = {
    "username": "A user with that username already exists.",
    "phone_number": "user with this phone number already exists.",
    "wallet_id": "user with this wallet already exists.",
}


async def make_user(
    asked: Asked,
    person: Person,
    password: str | None = None,
    *,
    wallet_id: str | None = None,
    has_wallet: bool = True,
) -> UserRow:
    """A new user; the same request under its Idempotency-Key gets the same user.

    With `wallet_id` that wallet is the user's, else a new one is opened, unless it `has_wallet`
    not.
    Raises EarlyError 400 by field for what others have, 503.
    """
    people = asked.gateway.people
    try:
        reserved = await people.users.reserve(person, new_wallet_id(asked))
        if reserved.id is not None:
            await _refuse_other(asked, reserved, password)
            return await _found(asked, reserved.id)
        if wallet_id is None and has_wallet:
            wallet_id = await _open(asked, reserved.opens)
        made = await people.users.finish(person, reserved.opens, wallet_id)
    except TakenError as taken:
        raise _refused(taken) from None
    if made is None:
        raise _refused(TakenError("username"))
    return made


async def _open(asked: Asked, wallet_id: str) -> str:
    """Open the wallet of a user; whoever goes on with it sends the same command."""
    opening = replace(asked, family=FAMILY, key=opening_id(wallet_id))
    result = await asked.gateway.ask(opening, "wallet.create.v1", {"wallet_id": wallet_id})
    if result.error is not None:
        raise error(400, result.error.detail)
    return wallet_id


async def _refuse_other(asked: Asked, reserved: Reserved, password: str | None) -> None:
    """Refuse another password under the key of a user that is made."""
    if password is None:
        return
    if not await asked.gateway.people.passwords.check(password, reserved.password_hash):
        raise _refused(TakenError())


async def _found(asked: Asked, number: int) -> UserRow:
    found = await asked.gateway.people.user(number)
    assert found is not None, "people are not deleted"
    return found


def _refused(taken: TakenError) -> EarlyError:
    if not taken.fields:
        return detail(400, "This Idempotency-Key was used for another user.")
    return early(400, {name: [TAKEN_WORDS[name]] for name in taken.fields})
