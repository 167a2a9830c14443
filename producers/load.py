"""The load generator: commands of a mix, drawn from a seed, sent as fast as the broker takes them.

The same seed gives the same commands, ids and all, so that two runs compare like with like.
"""

import random
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from confluent_kafka import Producer

from producers.message import Message, message_of
from schemas.settings import Settings

SOURCE: Final = "/wallet/load"
MIXES: Final = ("sale", "deposit", "transfer", "mixed", "hot", "one-seller")
"""sale: half deposits, half charge sales; mixed: with 30 % transfers; hot: sale on one wallet.

one-seller: charge sales of one wallet to the wallets of all others.
"""

PHONE: Final = {"phone_number": "09123456789"}
FLUSH_SECONDS: Final = 120.0
START: Final = "1000000000.00"
"""What each wallet begins with: enough for every command of a run."""


class Load:
    """A seeded source of commands on so many new wallets, or on those given."""

    def __init__(self, seed: int, wallets: int | Sequence[str]) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a load, no secret
        self._clock = 0x0190_0000_0000 + seed
        self.wallets = wallets if not isinstance(wallets, int) else self._new(wallets)

    def opening(self) -> Iterator[Message]:
        """Make every wallet and give it its first money."""
        for wallet in self.wallets:
            yield self._message("wallet.create.v1", {"wallet_id": wallet})
            yield self._message("deposit.v1", {"wallet_id": wallet, "amount": START})

    def commands(self, count: int, mix: str) -> Iterator[Message]:
        """So many commands of a mix."""
        for _ in range(count):
            is_one = mix in {"hot", "one-seller"}
            wallet = self.wallets[0] if is_one else self._random.choice(self.wallets)
            yield self._command(mix, wallet)

    def _command(self, mix: str, wallet: str) -> Message:
        drawn = self._random.random()
        amount = f"{self._random.randrange(1, 500)}.{self._random.randrange(100):02d}"
        data: dict[str, object] = {"wallet_id": wallet, "amount": amount}
        if mix == "transfer" or (mix == "mixed" and drawn < 0.3):  # noqa: PLR2004
            other = self._random.choice(self.wallets)
            return self._message("transfer.v1", {**data, "to_wallet_id": other})
        if mix == "one-seller":
            other = self.wallets[self._random.randrange(1, len(self.wallets))]
            return self._message("charge_sale.v1", {**data, **PHONE, "to_wallet_id": other})
        if mix == "deposit" or drawn > 0.5:  # noqa: PLR2004
            return self._message("deposit.v1", data)
        return self._message("charge_sale.v1", data | PHONE)

    def _new(self, count: int) -> Sequence[str]:
        return [str(uuid.UUID(int=self._bits(128), version=4)) for _ in range(count)]

    def _message(self, command_type: str, data: dict[str, object]) -> Message:
        return message_of(command_type, data, source=SOURCE, command_id=self._id())

    def _id(self) -> str:
        """A UUIDv7 from the seed: some twenty ids a millisecond of its own clock."""
        self._clock += self._random.random() < 0.05  # noqa: PLR2004
        drawn = self._clock << 80 | self._bits(80)
        return str(uuid.UUID(int=drawn & ~(0xF << 76) & ~(3 << 62) | 7 << 76 | 2 << 62))

    def _bits(self, count: int) -> int:
        return self._random.getrandbits(count)


def send(settings: Settings, messages: Iterable[Message]) -> int:
    """Send all and wait until the broker has them; how many there were.

    Raises RuntimeError when the broker did not take them all in time.
    """
    producer = Producer(
        {
            **settings.kafka_client(),
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",  # confluent's default is CRC32 (DESIGN.md 2)
            "linger.ms": 20,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 500_000,
            "log_level": 2,  # a broker that has just started is asked twice, which is no news
        }
    )
    topic, count = settings.topics.commands.name, 0
    for message in messages:
        while True:
            try:
                producer.produce(topic, message.value, message.key, headers=message.headers)  # type: ignore[arg-type]
                break
            except BufferError:
                producer.poll(0.1)
        count += 1
    left = producer.flush(FLUSH_SECONDS)
    if left:
        raise RuntimeError(f"{left} commands were not taken by the broker in {FLUSH_SECONDS} s")
    return count
