"""What the owner of a wallet sees of a result: nothing of how another wallet stands.

A result tells the sequences of all wallets that its command looked at. And what is given back comes
from the wallet that was paid: where that one holds too little, or is suspended, the result of a
command on the payer's wallet tells the other's balance or status, which is for the operator who
sent it.
"""

from typing import Final

from msgspec.structs import replace

from schemas.commands import kind_of
from schemas.refusals import Code
from schemas.results import AnyResult, Error

SHORT: Final = "Insufficient funds. The wallet that was paid holds less than is to be given back."
NOT_ACTIVE: Final = "The wallet that was paid is not active: nothing is given back."


def of_owner(result: AnyResult) -> AnyResult:
    """The result as the owner of its wallet sees it; the same one where nothing is hidden."""
    own = {each: at for each, at in result.sequences.items() if each == result.wallet_id}
    error = result.error
    if error is not None and kind_of(result.command.type or "") == "refund":
        error = _of_payer(error, result.wallet_id)
    if own == result.sequences and error is result.error:
        return result
    return replace(result, sequences=own, error=error)


def _of_payer(error: Error, own: str | None) -> Error:
    """Why nothing was given back, without the amounts and the status of who was paid."""
    match error.code:
        case Code.INSUFFICIENT_FUNDS:
            return replace(error, detail=SHORT, context={})
        case Code.WALLET_NOT_ACTIVE if error.context.get("wallet_id") != own:
            return replace(error, detail=NOT_ACTIVE, context={})
        case _:
            return error
