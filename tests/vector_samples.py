"""The samples of the test vectors: records as upstream services send them, good and bad."""

import json
from collections.abc import Mapping
from typing import NamedTuple

SARA = "01930f6e-3c00-7000-8000-00000000000a"
OMID = "01930f6e-3c00-7000-8000-00000000000b"
SHOP = "01930f6e-3c00-7000-8000-00000000000c"
NOBODY = "01930f6e-3c00-7000-8000-00000000000d"
YEN = "01930f6e-3c00-7000-8000-00000000000e"

KEYS = (
    SARA, OMID, SHOP, NOBODY, "01930f6e-0000-7000-8000-000000000001",
    "01930f6e-0000-7000-8000-000000000002", "21", "foobar", "a", "ab", "abc", "abcd", "",
    "a-little-bit-long-string", "a-little-bit-longer-string",
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", "پریسا", "Zoë", "🪙",
)  # fmt: skip
"""Keys to hash: of every remainder of four bytes, and beyond ASCII, where bytes are signed in Java.

Wallets, and Kafka's own examples.
"""

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Sample(NamedTuple):
    """A record. `<name>` in its value is the transaction id that the sample of that name got.

    `partition` is for records without a key.
    """

    name: str
    says: str
    key: str | None
    headers: Mapping[str, str]
    value: str
    partition: int | None = None


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def binary(
    name: str, says: str, command_type: str, wallet: str, data: Mapping[str, object], **more: str
) -> Sample:
    """A command in binary mode; `more` are further attributes, `id` and `key` those to change."""
    key = more.pop("key", wallet)
    headers = {"ce_specversion": "1.0", "ce_id": more.pop("id", name), "ce_source": "/checkout"}
    headers |= {"ce_type": command_type, "ce_time": "2026-11-21T10:00:00Z"}
    headers |= {f"ce_{attribute}": text for attribute, text in more.items()}
    value = _text({"wallet_id": wallet, **data})
    return Sample(name, says, key, {**headers, "content-type": "application/json"}, value)


def structured(
    name: str, says: str, whole: Mapping[str, object], key: str | None, partition: int | None = None
) -> Sample:
    """A command in structured mode, without any header."""
    return Sample(name, says, key, {}, _text({"specversion": "1.0", **whole}), partition)


_OWNER = {"name": "پریسا Müller", "email": "parisa@shop.example", "phone": "+989120000001"}
_DEPOSIT = {"amount": "100.00", "currency": "EUR", "reference": "bank slip 8"}
_BY_SHELL = {"wallet_id": SARA, "amount": "20.5"}
_ACCOUNT = "DE89 3704 0044 0532 0130 00"
_EXECUTE, _SETTLE = "withdrawal.execute.v1", "withdrawal.settle.v1"

SAMPLES: tuple[Sample, ...] = (
    binary(
        "open", "opens a wallet, with an owner", "wallet.create.v1", SARA,
        {"currency": "EUR", "owner": _OWNER, "metadata": {"shop": "17"}},
    ),
    binary("open-other", "another wallet, on another partition", "wallet.create.v1", SHOP,
           {"currency": "EUR"}),
    binary("open-third", "a third one, on the first one's partition", "wallet.create.v1", OMID,
           {"currency": "EUR"}),
    binary("deposit", "money from outside", "deposit.v1", SARA, _DEPOSIT),
    binary("deposit-again", "the same id with the same content: nothing happens, nothing is said",
           "deposit.v1", SARA, _DEPOSIT, id="deposit"),
    binary("deposit-reused", "the same id with other content is refused", "deposit.v1", SARA,
           {**_DEPOSIT, "amount": "200.00"}, id="deposit"),
    binary(
        "transfer", "to a wallet of another partition: an event for each, on its own partition",
        "transfer.v1", SARA,
        {"to_wallet_id": SHOP, "amount": "50.00", "reference": "order 17",
         "metadata": {"cart": "9", "note": 'a "gift"\n'}},
        subject=SARA, correlationid="visit-31", traceparent=TRACE,
        expirytime="2999-01-01T00:00:00Z",
    ),
    structured(
        "by-shell", "structured mode, as a shell sends it; the currency is the wallet's",
        {"id": "by-shell", "source": "/shell", "type": "deposit.v1", "data": _BY_SHELL}, SARA,
    ),
    structured(
        "without-key", "no key: taken too, but its partition is luck",
        {"id": "without-key", "source": "/shell", "type": "deposit.v1", "data": _BY_SHELL}, None, 0,
    ),
    binary("sale", "a phone charge", "charge_sale.v1", SARA,
           {"phone_number": "+989120000002", "amount": "5.00", "currency": "EUR"}),
    binary("refund", "gives back a part of the sale", "refund.v1", SARA,
           {"transaction_id": "<sale>", "amount": "2.50"}),
    binary("refund-too-much", "more than is left", "refund.v1", SARA,
           {"transaction_id": "<sale>", "amount": "2.51"}),
    binary("short", "more than there is", "transfer.v1", OMID,
           {"to_wallet_id": SARA, "amount": "1.00"}),
    binary("decimals", "more decimals than the currency has", "deposit.v1", SARA,
           {"amount": "1.001"}),
    binary("number", "amounts are texts", "deposit.v1", SARA, {"amount": 5}),
    binary("misspelt", "a field that is none", "deposit.v1", SARA, {"ammount": "5.00"}),
    binary("missing", "a field that is not there", "transfer.v1", SARA, {"amount": "5.00"}),
    binary("type", "a type that is none", "deposits.v1", SARA, {"amount": "5.00"}),
    binary("yen", "another currency than the wallet's", "deposit.v1", SARA,
           {"amount": "5", "currency": "JPY"}),
    binary("nobody", "a wallet that does not exist", "deposit.v1", NOBODY, {"amount": "5.00"}),
    binary("late", "recorded after its expiry time", "deposit.v1", SARA, {"amount": "5.00"},
           expirytime="2026-01-01T00:00:00Z"),
    binary("wrong-key", "the key is not the wallet id: refused, and a dead letter", "deposit.v1",
           SARA, {"amount": "5.00"}, key=OMID),
    Sample("no-json", "no id can be read: a dead letter only", SARA, {}, '{"id": "no-json", '),
    Sample("no-id", "JSON without an id: a dead letter only", SARA, {},
           '{"specversion":"1.0","source":"/shell","type":"deposit.v1","data":{}}'),
    binary("ask", "asks for credit", "credit_request.create.v1", OMID, {"amount": "1000.00"}),
    binary("approve", "somebody says yes", "credit_request.approve.v1", OMID,
           {"credit_request_id": "<ask>", "by": "Sara"}),
    binary("reject", "too late to say no", "credit_request.reject.v1", OMID,
           {"credit_request_id": "<ask>", "by": "Omid", "reason": "the limit is reached"}),
    binary("ask-again", "asks once more", "credit_request.create.v1", OMID, {"amount": "1.00"}),
    binary("reject-again", "somebody says no", "credit_request.reject.v1", OMID,
           {"credit_request_id": "<ask-again>", "by": "Sara", "reason": "enough"}),
    binary("withdraw-later", "money to leave in three days", "withdrawal.schedule.v1", SARA,
           {"amount": "10.00", "delay": "P3D", "target": _ACCOUNT, "reference": "payout 8"}),
    binary("cancel", "called off", "withdrawal.cancel.v1", SARA,
           {"withdrawal_id": "<withdraw-later>"}),
    binary("withdraw", "money to leave in a second, to another wallet", "withdrawal.schedule.v1",
           SARA, {"amount": "10.00", "delay": 1, "target": SHOP}),
    binary("withdraw-two", "and some to the bank", "withdrawal.schedule.v1", SARA,
           {"amount": "7.00", "delay": 1}),
    binary("execute", "its time has come (the ledger's own consumer says so)", _EXECUTE, SARA,
           {"withdrawal_id": "<withdraw>"}),
    binary("settle", "the bank has paid", _SETTLE, SARA, {"withdrawal_id": "<withdraw>"}),
    binary("execute-two", "the other one's, too", _EXECUTE, SARA,
           {"withdrawal_id": "<withdraw-two>"}),
    binary("review", "nobody knows whether the bank has paid", "withdrawal.review.v1", SARA,
           {"withdrawal_id": "<withdraw-two>", "reason": "the connection was reset"}),
    binary("fail", "it has not: the money returns", "withdrawal.fail.v1", SARA,
           {"withdrawal_id": "<withdraw-two>", "reason": "not in the bank's statement"}),
    binary("suspend", "the wallet neither gives nor takes any more", "wallet.set_status.v1", SARA,
           {"status": "suspended", "reference": "case 4"}),
    binary("suspended", "so it takes nothing", "deposit.v1", SARA, {"amount": "5.00"}),
    binary("open-yen", "a wallet of another currency", "wallet.create.v1", YEN,
           {"currency": "JPY"}),
    binary("exchange", "euros for yen, both amounts as agreed: four entries, an event for each",
           "exchange.v1", SHOP,
           {"to_wallet_id": YEN, "amount": "20.00", "to_amount": "3248", "reference": "quote 71"}),
    binary("exchange-euros", "between wallets of one currency: that is a transfer", "exchange.v1",
           SHOP, {"to_wallet_id": OMID, "amount": "1.00", "to_amount": "1.00"}),
)  # fmt: skip
