"""Who follows which wallet. Used in the event loop only, but for what the ear hands over."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Final, Protocol

from confluent_kafka import KafkaException

from producers.http.errors import busy
from producers.http.live.changes import Told
from producers.http.live.ear import Ear
from producers.http.live.follower import Follower
from producers.http.reading import Reading
from schemas.identifiers import partition_of
from schemas.settings import Settings

HEAR_SECONDS: Final = 8.0


class Stopping(Protocol):
    """What has to be told that the gateway stops."""

    async def stop(self) -> None:
        """Hear it."""


class Hub:
    """All followers of one gateway, and the one consumer that they share."""

    def __init__(self, settings: Settings, reading: Reading) -> None:
        self._limit = settings.http_followers_max
        self._partitions = settings.partitions
        self._reading = reading
        self._loop = asyncio.get_running_loop()
        self._followers: defaultdict[str, set[Follower]] = defaultdict(set)
        self._ear = Ear(settings, self._followers.__contains__, self._hear)
        self._is_closed = False
        self.sockets: set[Stopping] = set()
        self._count = 0

    @property
    def count(self) -> int:
        """How many wallets are followed, each as often as it is."""
        return self._count

    async def follow(
        self,
        wallet_id: str,
        after: int,
        is_gone: Callable[[], bool] = lambda: False,
        *,
        sees_all: bool = False,
    ) -> Follower:
        """Follow a wallet from a sequence on; `leave` it in the end.

        `is_gone` says whether whoever follows has hung up, which is else seen at the next word to
        it. Who does not see all wallets is told nothing of another's. Raises EarlyError 503 when
        there are too many, or Kafka does not answer.
        """
        if self._is_closed:
            raise busy("The gateway stops.")
        if self._count >= self._limit:
            self._forget_gone()
        if self._count >= self._limit:
            raise busy("Too many wallets are followed.")
        follower = Follower(wallet_id, after, self._reading, is_gone, sees_all=sees_all)
        self._followers[wallet_id].add(follower)
        self._count += 1
        try:
            # First heard, then read: what is published between the two comes both ways, once told.
            async with asyncio.timeout(HEAR_SECONDS):
                await asyncio.wrap_future(self._ear.hear(self._wanted()))
        except (KafkaException, TimeoutError):
            self.leave(follower)
            raise busy("Kafka does not answer in time.") from None
        except BaseException:
            self.leave(follower)
            raise
        return follower

    def leave(self, follower: Follower) -> None:
        """Follow it no longer."""
        of_wallet = self._followers.get(follower.wallet_id, set())
        if follower not in of_wallet:
            return
        of_wallet.remove(follower)
        self._count -= 1
        if not of_wallet:
            del self._followers[follower.wallet_id]
            self._ear.hear(self._wanted())

    def _forget_gone(self) -> None:
        """Make room."""
        for follower in [each for those in self._followers.values() for each in those]:
            if follower.is_gone():
                follower.end()
                self.leave(follower)

    async def close(self) -> None:
        """Tell all who follow that it ends; they leave by themselves."""
        self._is_closed = True
        for follower in [each for those in self._followers.values() for each in those]:
            follower.end()
        await asyncio.gather(*(socket.stop() for socket in list(self.sockets)))
        await asyncio.to_thread(self._ear.close)

    def _wanted(self) -> frozenset[int]:
        return frozenset(partition_of(each, self._partitions) for each in self._followers)

    def _hear(self, told: list[Told]) -> None:
        """Take over from the ear's thread."""
        try:
            self._loop.call_soon_threadsafe(self._offer, told)
        except RuntimeError:  # the loop has ended
            return

    def _offer(self, told: list[Told]) -> None:
        for each in told:
            for follower in self._followers.get(each.wallet_id, ()):
                follower.offer(each)
