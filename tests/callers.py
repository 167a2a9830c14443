"""A bank caller under test: a ledger on paper before it, a bank that does as it is told behind."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, ClassVar, NamedTuple

import msgspec
from aiohttp import web

from consumers.audit.payments import BankLedger
from consumers.bank.policy import State
from consumers.withdrawals.caller import Caller
from producers.withdrawals import BANK
from schemas.events import WITHDRAWAL_STEPS, WithdrawalStep, encode_step
from schemas.identifiers import command_key, partition_of
from schemas.refusals import Code, Refusal
from schemas.results import CommandRef, Rejected, WithdrawalBody, encode, error_of
from schemas.settings import Settings
from schemas.statuses import WITHDRAWAL_STATUSES
from tests.ledgers import Ledger
from tests.workers import Worker, execute, rows
from wallet.local import ports

PATIENCE_SECONDS = 60.0
WALLET = "01930f6e-3c00-7000-8000-00000000000a"

_INSERT = """
INSERT INTO withdrawals (withdrawal_id, wallet_id, amount_minor, due_at, changed_at, partition,
                         status, currency, target)
VALUES (%s, %s, 100, now(), now(), %s, 1, 'IRR', %s)
"""
_DONE = """
INSERT INTO partitions (topic, partition, next_offset) VALUES (%s, %s, 1) ON CONFLICT DO NOTHING
"""
_NOTE = """
INSERT INTO bank_calls (withdrawal_id, begun_at, changed_at, calls, not_done, state, note)
VALUES (%s, now() - make_interval(secs => %s), now() - make_interval(secs => %s), %s, %s, %s, %s)
"""


class Known(NamedTuple):
    """A row of bank_calls."""

    state: State
    calls: int
    not_done: int
    note: str | None


class Command(NamedTuple):
    """A command on the commands topic."""

    type: str
    id: str
    source: str
    data: dict[str, Any]


class Paper:
    """A ledger in which only withdrawals are executing, and nobody works.

    It has done one command on each partition, which all records are of if nothing else is said.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ledger = Ledger(settings)
        self._random = Random(5)  # noqa: S311 - ids that repeat
        self._producer = self.ledger.producer()
        for partition in range(settings.partitions):
            execute(settings, _DONE, settings.topics.commands.name, partition)

    def executing(
        self, target: str = "paid", wallet: str = WALLET, partition: int | None = None
    ) -> str:
        """A withdrawal in the table that nobody was told of."""
        withdrawal_id = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        home = partition_of(wallet, self.settings.partitions) if partition is None else partition
        execute(self.settings, _INSERT, withdrawal_id, wallet, home, target)
        return withdrawal_id

    def known(self, withdrawal_id: str, state: State, calls: int = 1, **more: Any) -> None:  # noqa: ANN401
        """What an earlier caller knew: `not_done`, `note`, `ago` and `open` seconds."""
        ago, opened = more.get("ago", 0), more.get("open", 0)
        rest = (calls, more.get("not_done", 0), int(state), more.get("note"))
        execute(self.settings, _NOTE, withdrawal_id, opened, ago, *rest)

    def tell(
        self,
        withdrawal_id: str,
        status: str = "executing",
        target: str = "paid",
        partition: int | None = None,
        command: int = 0,
    ) -> None:
        """A record on the delayed topic, of a command at an offset."""
        home = partition_of(WALLET, self.settings.partitions) if partition is None else partition
        body = WithdrawalBody(withdrawal_id, status, "1.00", "IRR", _now(), target)
        topic = self.settings.topics.commands.name
        ref = CommandRef("/test", "x", "withdrawal.execute.v1", topic, home, command)
        self._producer.produce(
            self.settings.topics.scheduled.name,
            encode_step(WithdrawalStep(WALLET, body, _now(), ref)),
            WALLET.encode(),
            home,
            headers=[("ce_type", WITHDRAWAL_STEPS[status].encode())],
        )
        assert self._producer.flush(20) == 0

    def foreign(self, value: bytes, partition: int, **headers: bytes) -> None:
        """A record on the delayed topic that no worker wrote."""
        topic = self.settings.topics.scheduled.name
        self._producer.produce(topic, value, b"key", partition, headers=list(headers.items()))
        assert self._producer.flush(20) == 0

    def ends(self, withdrawal_id: str, status: str, *, is_told: bool = True) -> None:
        """The ledger has ended it: its row, and its record."""
        change = "UPDATE withdrawals SET status = %s WHERE withdrawal_id = %s"
        execute(self.settings, change, WITHDRAWAL_STATUSES.index(status), withdrawal_id)
        if is_told:
            self.tell(withdrawal_id, status)

    def refuses(self, command_id: str, code: Code) -> None:
        """The ledger has answered a command of the bank caller with a refusal."""
        ref = CommandRef(BANK, command_id, "withdrawal.settle.v1", "commands", 0, 0)
        error = error_of(Refusal(code, "amount"))
        result = encode(Rejected(ref, "rejected", WALLET, error, _now(), {}))
        key = command_key(BANK, command_id)
        statement = "INSERT INTO commands VALUES (%s, %s, NULL, 0, 0, %s)"
        execute(self.settings, statement, key, key, result.decode())

    def start(self, target: str = "paid") -> str:
        """A withdrawal in the table, and its record."""
        withdrawal_id = self.executing(target)
        self.tell(withdrawal_id, target=target)
        return withdrawal_id

    def call(self, withdrawal_id: str) -> Known | None:
        """What the caller has written down."""
        query = "SELECT state, calls, not_done, note FROM bank_calls WHERE withdrawal_id = %s"
        with rows(self.settings, query, withdrawal_id) as found:
            return Known(State(found[0][0]), *found[0][1:]) if found else None

    def commands(self) -> list[Command]:
        """Every command that was sent."""
        found = []
        for record in self.ledger.read(self.settings.topics.commands.name):
            headers: dict[str, Any] = dict(record.headers() or ())
            data = msgspec.json.decode(record.value() or b"")
            kind, own_id = headers["ce_type"].decode(), headers["ce_id"].decode()
            found.append(Command(kind, own_id, headers["ce_source"].decode(), data))
        return found

    def ids(self) -> list[str]:
        """The ids of all commands that were sent, in order of the alphabet."""
        return sorted(command.id for command in self.commands())


Answer = Callable[[web.BaseRequest], web.StreamResponse]


def said(body: dict[str, Any], status: int = 200, **headers: str) -> Answer:
    """An answer in JSON."""
    return lambda _: web.json_response(body, status=status, headers=headers)


def _reset(request: web.BaseRequest) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


ANSWERS: dict[str, Answer] = {
    "paid": said({"data": "success", "status": 200}),
    "failed": said({"data": "failed", "status": 503}),
    "refused": said({"data": "refused", "status": 422, "reason": "account closed"}, 422),
    "forbidden": lambda _: web.Response(status=403),
    "busy": said({}, 429),
    "broken": lambda _: web.Response(status=500),
    "conflict": lambda _: web.Response(status=409),
    "reset": _reset,
    "truncated": lambda _: web.Response(body=b'{"data": "succ'),
    "wrong": said({"data": "success", "status": 200, "key": "another"}),
}


class ScriptedBank:
    """Answers the calls of each order as its target says: "broken paid" is broken, then paid.

    The last word stands for all later calls. `hang` answers when `release` is set. It knows no
    keys: `paid` counts how often each order was really paid.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.paid: Counter[str] = Counter()
        self.most = 0
        self.release = asyncio.Event()
        self._open = 0
        self._runner = web.ServerRunner(
            web.Server(self._serve, access_log=None), shutdown_timeout=1.0
        )

    async def start(self, port: int = 0) -> int:
        """Listen; the port."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Answer no more."""
        self.release.set()
        await self._runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "GET":
            return self._tell(request.path.rpartition("/")[2])
        key = request.headers["Idempotency-Key"]
        words = (await request.json())["target"].split()
        word = words[min(self.calls[key], len(words) - 1)]
        self.calls[key] += 1
        self._open += 1
        self.most = max(self.most, self._open)
        try:
            if word == "hang":
                await self.release.wait()
            self.paid[key] += word in ("paid", "hang")
            return ANSWERS["paid" if word == "hang" else word](request)
        finally:
            self._open -= 1

    def _tell(self, key: str) -> web.StreamResponse:
        self.asked[key] += 1
        if self.paid[key]:
            return web.json_response({"data": "success"})
        return web.json_response({"data": "unknown"}, status=404)


@asynccontextmanager
async def scripted_bank(settings: Settings) -> AsyncIterator[tuple[ScriptedBank, Settings]]:
    """A bank, and the settings changed so that it is called."""
    bank = ScriptedBank()
    port = await bank.start()
    try:
        yield bank, settings.model_copy(update={"bank_url": f"http://127.0.0.1:{port}/"})
    finally:
        await bank.stop()


@asynccontextmanager
async def calling(*ledgers: Settings) -> AsyncIterator[None]:
    """Bank callers in this loop, one for each of the settings; they must end without trouble."""
    stopped = asyncio.Event()
    tasks = [asyncio.create_task(Caller(settings).run(stopped)) for settings in ledgers]
    try:
        yield
    finally:
        stopped.set()
        await asyncio.gather(*tasks)


async def until(done: Callable[[], object], what: str) -> None:
    """Look until it is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await asyncio.to_thread(done):
        assert time.monotonic() < deadline, f"not {what} in time"
        await asyncio.sleep(0.05)


class BankCaller(Worker):
    """A `wallet bank-caller` process."""

    words: ClassVar[tuple[str, ...]] = ("bank-caller", "--slot")


class PretendBank(Worker):
    """A `wallet pretend-bank` process on a port that stays; what it has paid is in its folder."""

    def __init__(self, settings: Settings, folder: Path, **behaviour: object) -> None:
        super().__init__(settings, str(folder / "bank"), folder / "bank.log")
        self.port = ports.free()
        self.address = f"http://127.0.0.1:{self.port}/"
        own = ("pretend-bank", "--port", str(self.port), "--data")
        self.words = own  # type: ignore[misc]  # each has a port of its own
        named = {
            f"WALLET_PRETEND_BANK_{name.upper()}": f"{value}" for name, value in behaviour.items()
        }
        self._environment.update(named)

    def payments(self) -> Counter[str]:
        """How often each withdrawal was really paid, by the bank's own ledger."""
        return Counter(payment.withdrawal or "" for payment in BankLedger(f"{self.address}ledger"))


def _now() -> str:
    return datetime.now(UTC).isoformat()
