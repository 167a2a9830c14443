"""What the handlers of all services work with: the ledger to ask, the database to read."""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final
from urllib.parse import quote

from producers.http import reading_wallets
from producers.http.access_log import AccessLog
from producers.http.answers import Answer
from producers.http.asking import Asking, Heard, NotSentError, PendingAnswerError
from producers.http.console.watching import Watch
from producers.http.errors import UNAVAILABLE, EarlyError
from producers.http.live.hub import Hub
from producers.http.patience import Patience
from producers.http.people.entrance import Entrance
from producers.http.people.people import People
from producers.http.reading import Reading
from producers.http.reading_wallets import WalletFacts
from producers.http.route import Asked
from producers.http.seeds.sellers import Sellers
from producers.http.together import Together
from producers.http.v1 import reading_wallets as v1_wallets
from producers.http.v1.keys import Keys
from producers.http.v1.rehearsing import Rehearse
from producers.message import Message, message_of, uuid7
from schemas import identifiers
from schemas.results import AnyResult
from schemas.settings import Settings

FIRST_SECONDS: Final = 20.0
"""How long a connection may take to make its first request."""

FACTS_MAX: Final = 50_000
"""Wallets whose facts are kept; some 300 bytes each."""


class Gateway:
    """One gateway process."""

    def __init__(
        self, settings: Settings, asking: Asking, reading: Reading, rehearse: Rehearse
    ) -> None:
        self.settings = settings
        self.asking = asking
        self.reading = reading
        self.rehearse = rehearse
        self.keys = Keys()
        self.sellers = Sellers(settings, reading)
        self.live = Hub(settings, reading)
        self.watch = Watch(settings, reading)
        self.wallets = Together(reading, reading_wallets.several)
        self.v1_wallets = Together(reading, v1_wallets.by_id)
        self.people = People(settings, reading)
        self.entrance = Entrance(settings, self.people)
        self.access_log = AccessLog()
        self.patience = Patience(FIRST_SECONDS)
        self._facts: OrderedDict[str, WalletFacts] = OrderedDict()

    async def close(self) -> None:
        """Let threads and connections go."""
        self.patience.close()
        self.access_log.flush()
        self.sellers.close()
        await self.watch.close()
        await self.people.close()

    async def ask(
        self,
        asked: Asked,
        command_type: str,
        data: Mapping[str, object],
        unless: EarlyError | None = None,
    ) -> AnyResult:
        """Have a command done and give its result, which may be a refusal.

        The request's Idempotency-Key is the command's id, its family the source: so it is done
        once, however often it is sent. `unless` is why it is not, as in admitted(). Raises
        EarlyError: 202 when no result came in time, 503 when the command could not be sent.
        """
        source = source_of(asked.family)
        message = message_of(
            command_type,
            data,
            source=source,
            command_id=asked.key,
            attributes={"correlationid": asked.request_id},
        )
        async with self.admitted(asked, message, unless) as known:
            asked.commands.append(message.id)
            if known is not None:
                return known.result
            try:
                return await self.asking.ask(message, may_repeat=asked.key is not None)
            except PendingAnswerError:
                raise EarlyError(pending_answer(asked, source, message.id)) from None

    @asynccontextmanager
    async def admitted(
        self, asked: Asked, message: Message, unless: EarlyError | None = None
    ) -> AsyncGenerator[Heard | None, None]:
        """Let a command through, to be sent within, or give the answer that it has already got.

        `unless` is why it may not be done now, where the gateway knows that. Who comes again
        under a key hears what became of the first time, whatever has changed since. What it was
        to move counts for nothing where it was not sent. Raises EarlyError: `unless`, 403 for
        more than who asks may move, 503.
        """
        taken = known = None
        try:
            if unless is not None:
                raise unless
            taken = await self.people.admit(asked.who, message)
        except EarlyError as early:
            may_be_known = asked.key is not None and early.answer.status != UNAVAILABLE
            known = await self.asking.known(message) if may_be_known else None
            if known is None:
                raise
        try:
            yield known
        except NotSentError:
            if taken is not None:
                await self.people.give_back(taken)
            raise

    async def facts(self, wallet_id: str) -> WalletFacts | None:
        """What never changes of a wallet, mostly from memory; None where there is none."""
        known = self._facts.get(wallet_id)
        if known is None:
            known = await self.reading.read(reading_wallets.facts, wallet_id)
            if known:
                self._keep(known)
        return known

    def _keep(self, facts: WalletFacts) -> None:
        self._facts[facts.wallet_id] = facts
        if len(self._facts) > FACTS_MAX:
            self._facts.popitem(last=False)


def source_of(family: str) -> str:
    """The CloudEvents source of a service's commands."""
    return f"/http/{family}"


def new_wallet_id(asked: Asked) -> str:
    """The id of a wallet to be opened: the same for the same Idempotency-Key, else a new UUIDv7."""
    if asked.key is None:
        return uuid7()
    name = identifiers.digest(source_of(asked.family), f"wallet of {asked.key}")
    return f"{name[:8]}-{name[8:12]}-8{name[12:15]}-8{name[15:18]}-{name[18:30]}"


@contextmanager
def telling(asked: Asked, source: str) -> Iterator[None]:
    """What is read here is for the answer only: the last of the request's commands is done.

    Where the database does not answer it is told as pending: a 503 would have it sent again.
    Raises EarlyError 202.
    """
    try:
        yield
    except EarlyError as early:
        if early.answer.status != UNAVAILABLE or not asked.commands:
            raise
        raise EarlyError(pending_answer(asked, source, asked.commands[-1])) from early


def pending_answer(asked: Asked, source: str, command_id: str) -> Answer:
    """202: the command will be done; where its result will be."""
    url = f"{asked.base}/v1/results/{quote(command_id, safe='')}?source={quote(source, safe='')}"
    body = {"status": "pending", "command_id": command_id, "source": source, "url": url}
    return Answer(body, 202, {"Location": url, "Retry-After": "1"})
