"""The required scenario of the charge-sales assignment, played through Kafka.

Two sellers, ten credit increases of 1,000,000.00, a thousand sales of 5,000.00 by several producers
at once: 2,500,000.00 must be left with each, and every balance must be the sum of its entries.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import perf_counter
from typing import Final

import msgspec

from consumers.looking import Looking
from producers.client import Client
from producers.message import Message, message_of, uuid7
from producers.pipeline import Answer
from schemas.money import show
from schemas.results import AnyResult
from wallet.percentiles import percentile

SOURCE: Final = "/wallet/demo"
CURRENCY: Final = "IRR"
SELLERS: Final = 2
INCREASES: Final = 10
INCREASE: Final = "1000000.00"
SALES: Final = 1000
SALE: Final = "5000.00"
EXPECTED: Final = "2500000.00"
PRODUCERS: Final = 4
PHONE: Final = "09121234567"
IN_FLIGHT: Final = 50
"""Unanswered commands of one producer: a shop waits for its answers, it does not pour."""

Step = Callable[[str, int], None]
"""Told the name of a step and how many of its results have come."""


class Seller(msgspec.Struct, frozen=True):
    """What became of a seller's wallet; amounts are decimal strings."""

    wallet_id: str
    increases: int
    sales: int
    balance: str
    entries: str
    expected: str
    reconciled: bool


class Report(msgspec.Struct, frozen=True):
    """What the scenario came to. Latency is from sending to the committed result."""

    reconciled: bool
    sellers: list[Seller]
    commands: int
    completed: int
    rejected: int
    seconds: float
    commands_per_second: float
    latency_p50_ms: float
    latency_p99_ms: float
    refusals: list[str]


def play(connect: Callable[[], Client], looking: Looking, step: Step, timeout: float) -> Report:
    """Play the scenario with new wallets and report; `connect` gives each producer its client.

    Raises ClientError, LookingError.
    """
    sellers = [uuid7() for _ in range(SELLERS)]
    with ExitStack() as stack:
        clients = [stack.enter_context(connect()) for _ in range(PRODUCERS)]
        started = perf_counter()
        answers = _together(clients[:1], _creations(sellers), "wallets", step, timeout)
        answers += _together(clients, _increases(sellers), "credit increases", step, timeout)
        answers += _together(clients, _sales(sellers), "charge sales", step, timeout)
        seconds = perf_counter() - started
    return _report(sellers, answers, seconds, looking)


def _creations(sellers: Sequence[str]) -> list[Message]:
    data = ({"wallet_id": seller, "currency": CURRENCY} for seller in sellers)
    return [message_of("wallet.create.v1", each, source=SOURCE) for each in data]


def _increases(sellers: Sequence[str]) -> list[Message]:
    return [
        message_of(
            "deposit.v1",
            {"wallet_id": sellers[turn % SELLERS], "amount": INCREASE, "currency": CURRENCY},
            source=SOURCE,
        )
        for turn in range(INCREASES)
    ]


def _sales(sellers: Sequence[str]) -> list[Message]:
    sale = {"phone_number": PHONE, "amount": SALE, "currency": CURRENCY}
    return [
        message_of("charge_sale.v1", {"wallet_id": sellers[turn % SELLERS], **sale}, source=SOURCE)
        for turn in range(SALES)
    ]


def _together(
    clients: Sequence[Client], messages: Sequence[Message], name: str, step: Step, timeout: float
) -> list[Answer]:
    """Send the messages by all clients at once; each seller's are shared out over all of them."""
    answers: list[Answer] = []
    lock = threading.Lock()

    def send(turn: int) -> None:
        # Pairs of neighbours go to one client: neighbours are of different sellers.
        mine = _share(messages, turn, len(clients))
        for answer in clients[turn].stream(mine, in_flight=IN_FLIGHT, timeout=timeout):
            with lock:
                answers.append(answer)
                step(name, len(answers))

    with ThreadPoolExecutor(len(clients)) as threads:
        for done in [threads.submit(send, turn) for turn in range(len(clients))]:
            done.result()
    return answers


def _share(messages: Sequence[Message], turn: int, clients: int) -> Iterator[Message]:
    return (each for place, each in enumerate(messages) if place // SELLERS % clients == turn)


def _report(
    sellers: Sequence[str], answers: Sequence[Answer], seconds: float, looking: Looking
) -> Report:
    results = [answer.result for answer in answers]
    told = [_seller(seller, results, looking) for seller in sellers]
    refused = [result for result in results if result.error is not None]
    commands = SELLERS + INCREASES + SALES
    # Every command has its own result: neither one missing nor one counted twice.
    each_once = len({result.command.id for result in results}) == len(results) == commands
    waits = sorted(answer.seconds for answer in answers)
    return Report(
        reconciled=each_once and not refused and all(seller.reconciled for seller in told),
        sellers=told,
        commands=commands,
        completed=len(results) - len(refused),
        rejected=len(refused),
        seconds=round(seconds, 3),
        commands_per_second=round(commands / seconds, 1),
        latency_p50_ms=round(1000 * percentile(waits, 50), 1),
        latency_p99_ms=round(1000 * percentile(waits, 99), 1),
        refusals=sorted({result.error.detail for result in refused if result.error}),
    )


def _seller(wallet_id: str, results: Sequence[AnyResult], looking: Looking) -> Seller:
    """A seller's wallet as the database has it, counted beside the results."""
    tally = looking.tally(wallet_id)
    balance = show(tally.balance_minor, CURRENCY) if tally else "0.00"
    done = [each.command.type for each in results if each.wallet_id == wallet_id and not each.error]
    agrees = tally is not None and tally.agrees and tally.sequence == len(done)
    return Seller(
        wallet_id=wallet_id,
        increases=done.count("deposit.v1"),
        sales=done.count("charge_sale.v1"),
        balance=balance,
        entries=show(tally.entries_minor, CURRENCY) if tally else "0.00",
        expected=EXPECTED,
        reconciled=agrees and balance == EXPECTED,
    )
