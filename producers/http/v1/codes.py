"""Every code that an error of the API can have: its status, what it means and what to do.

One table: answers take status and title from it, `/docs/errors` is made of it, and a test holds
that no refusal of the ledger is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from schemas.refusals import DETAILS, TITLES, Code


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A line of the table. `is_retryable`: the same request may do later."""

    code: str
    status: int
    title: str
    meaning: str
    advice: str
    is_retryable: bool = False


_MEND: Final = "Mend the request. Nothing was done."

_OF_LEDGER: Final[dict[Code, tuple[int, str]]] = {
    Code.UNKNOWN_TYPE: (400, "Take a type of the list in the message; they end in .v1."),
    Code.MISSING_FIELD: (400, "Add the field that `param` names."),
    Code.UNKNOWN_FIELD: (400, "Leave the field out; your own notes go into `metadata`."),
    Code.INVALID_FIELD: (400, "Give the field that `param` names a value of its kind."),
    Code.KEY_MISMATCH: (400, "Of records that are sent through Kafka: key them by wallet id."),
    Code.IDEMPOTENCY_KEY_REUSED: (422, "Take a new key for new content, or send the first again."),
    Code.COMMAND_EXPIRED: (422, "Ask again, with a later `expirytime`, if it is still wanted."),
    Code.WALLET_EXISTS: (409, "Use the wallet that there is, or leave `wallet_id` out."),
    Code.SAME_WALLET: (422, "Name two different wallets."),
    Code.WALLET_NOT_FOUND: (404, "Look at the wallet's id; `param` says which of them."),
    Code.TARGET_NOT_FOUND: (404, "Look at the target: it has the form of a wallet's id."),
    Code.TRANSACTION_NOT_FOUND: (404, "Name the wallet that has paid, and its transaction."),
    Code.WITHDRAWAL_NOT_FOUND: (404, "Look at the withdrawal's id."),
    Code.CREDIT_REQUEST_NOT_FOUND: (404, "Look at the credit request's id."),
    Code.SEQUENCE_MISMATCH: (412, "Read the wallet again, and ask with its new ETag."),
    Code.CURRENCY_MISMATCH: (422, "Leave `currency` out, or name the wallet's."),
    Code.SAME_CURRENCY: (422, "Send a transfer, or name a wallet of another currency."),
    Code.AMOUNT_NOT_POSITIVE: (422, "Send an amount above zero."),
    Code.AMOUNT_PRECISION: (422, "Send no more decimals than the currency has."),
    Code.AMOUNT_TOO_LARGE: (422, "Send less at a time."),
    Code.DUE_NOT_IN_FUTURE: (422, "Name a time to come; `delay` needs no clock."),
    Code.DUE_TOO_FAR: (422, "Name an earlier time; `context` tells the latest."),
    Code.WALLET_NOT_ACTIVE: (409, "Have the wallet made active first."),
    Code.CREDIT_REQUEST_NOT_PENDING: (409, "It has been decided, once and for all."),
    Code.WITHDRAWAL_NOT_SCHEDULED: (409, "It is too late: see its status."),
    Code.WITHDRAWAL_NOT_DUE: (409, "Wait until it is due."),
    Code.WITHDRAWAL_NOT_EXECUTING: (409, "See its status: the bank's answer has been taken."),
    Code.ALREADY_REFUNDED: (409, "Ask for no more than `context.refundable`."),
    Code.INSUFFICIENT_FUNDS: (402, "Pay `context.shortage` in first, or ask for less."),
}

_OF_DOOR: Final = (
    ErrorCode(
        "invalid_request", 400, "Request not readable", "The body, a header or the address is"
        " not what HTTP and JSON allow; `detail` says where.", _MEND,
    ),
    ErrorCode(
        "invalid_cursor", 400, "Cursor not valid", "The cursor is none that this list has given.",
        "Start again without a cursor, and follow the Link header.",
    ),
    ErrorCode(
        "idempotency_key_missing", 400, "Idempotency-Key missing", "A command needs an"
        " Idempotency-Key, so that it is done once however often it is sent.",
        "Send a new key, such as a UUID, with every new command, and the same with a repetition.",
    ),
    ErrorCode(
        "idempotency_key_in_use", 409, "First request still in work", "A request with this"
        " Idempotency-Key has come and is not answered yet.",
        "Wait as long as Retry-After says, then send it again: the answer is the first one's.",
        is_retryable=True,
    ),
    ErrorCode(
        "unauthenticated", 401, "Not signed in", "Credentials are missing or wrong.",
        "Send a key or a token in the Authorization header.",
    ),
    ErrorCode(
        "forbidden", 403, "Not allowed", "Whoever asks may not do or see this.",
        "Ask somebody who may, or have the rights changed.",
    ),
    ErrorCode(
        "kyc_limit_exceeded", 403, "More than the KYC level allows", "The amount is above what"
        " whoever asks may move at once.", "Ask for at most `context.limit`, or have the level"
        " raised.",
    ),
    ErrorCode(
        "kyc_day_limit_exceeded", 403, "More than the KYC level allows in a day", "What whoever"
        " asks has moved today, and this, is above what may be moved in a day of UTC.", "Ask for"
        " at most `context.left`, come again tomorrow, or have the level raised.",
    ),
    ErrorCode(
        "not_found", 404, "Not found", "There is no such thing, or no such path.",
        "Look at the id and at the path.",
    ),
    ErrorCode(
        "result_not_found", 404, "No result", "There is no result of this command, or not yet.",
        "Look again later, or send the command again under the same key.", is_retryable=True,
    ),
    ErrorCode(
        "method_not_allowed", 405, "Method not allowed", "The path has no such method.",
        "Take one of the Allow header.",
    ),
    ErrorCode(
        "request_timeout", 408, "Body came too slowly", "The body was not there in time.",
        "Send it again, faster.", is_retryable=True,
    ),
    ErrorCode(
        "conflict", 409, "Conflict", "What is there does not allow it.", "See `detail`.",
    ),
    ErrorCode(
        "precondition_failed", 412, "Changed since", "If-Match names another version than the one"
        " there is: somebody has changed it.", "Read it again, look at what has changed, and ask"
        " with the new ETag.",
    ),
    ErrorCode(
        "body_too_large", 413, "Body too large", "The body has more bytes than the path takes.",
        "Send less at a time.",
    ),
    ErrorCode(
        "unsupported_media_type", 415, "Content type not read", "The body's Content-Type is none"
        " that the path reads.", "Send application/json.",
    ),
    ErrorCode(
        "time_in_future", 422, "Time in the future", "A balance is asked for at a time that has"
        " not come.", "Name a time that has passed; without one you get the balance now.",
    ),
    ErrorCode(
        "time_before_wallet", 422, "Wallet not opened yet", "A balance is asked for at a time"
        " before the wallet was opened.", "`context.created_at` is the earliest time.",
    ),
    ErrorCode(
        "sequence_not_reached", 422, "Sequence not reached", "A balance is asked for after more"
        " changes than the wallet has had.", "`context.latest` is the newest one.",
    ),
    ErrorCode(
        "not_sent", 503, "Command not sent", "Of several commands: one before this one could not"
        " be sent, so this one was not either.", "Send it again under the same id.",
        is_retryable=True,
    ),
    ErrorCode(
        "rate_limited", 429, "Too many requests", "There were too many requests of late.",
        "Wait as long as Retry-After says.", is_retryable=True,
    ),
    ErrorCode(
        "internal_error", 500, "Error of ours", "Something of ours is broken.",
        "Send it again under the same key; if it stays, tell us the request id.",
        is_retryable=True,
    ),
    ErrorCode(
        "unavailable", 503, "Not available now", "A server is away, or too many requests wait.",
        "Send it again under the same key after Retry-After. What `context.command_id` names may"
        " still be done.", is_retryable=True,
    ),
)  # fmt: skip


def _meaning(code: Code) -> str:
    """What a refusal says, with the names of its numbers instead of them."""
    return DETAILS[code].replace("{", "<").replace("}", ">")


CODES: Final[Mapping[str, ErrorCode]] = MappingProxyType(
    {
        **{
            str(code): ErrorCode(str(code), status, TITLES[code], _meaning(code), advice)
            for code, (status, advice) in _OF_LEDGER.items()
        },
        **{line.code: line for line in _OF_DOOR},
    }
)
"""Code -> its line, the ledger's refusals by precedence first."""

_BY_STATUS: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "invalid_request",
        401: "unauthenticated",
        403: "forbidden",
        404: "not_found",
        405: "method_not_allowed",
        408: "request_timeout",
        409: "conflict",
        412: "precondition_failed",
        413: "body_too_large",
        415: "unsupported_media_type",
        429: "rate_limited",
        503: "unavailable",
    }
)


def code_of(status: int) -> str:
    """The code of an error of which only the status is known."""
    return _BY_STATUS.get(status) or ("invalid_request" if status < 500 else "internal_error")  # noqa: PLR2004 - HTTP's own
