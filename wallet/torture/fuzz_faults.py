"""The fault `poison`: bursts of hostile records, through the codec alone and through the ledger."""

import uuid
from random import Random
from typing import ClassVar, Final

from producers.message import message_of
from schemas.commands import TYPES
from wallet.torture.faults import FaultError, Ground, Needs, Raw, Stage, Struck
from wallet.torture.fuzz import SOURCE, Fuzz, judge

CODEC: Final = 10_000
"""Records of a strike that are decoded only, in a second: 20 strikes are 200,000."""
LIVE: Final = 500
WALLETS: Final = 4
SCHEDULE: Final = "withdrawal.schedule.v1"
"""Sent only where somebody sees to what is scheduled: else it would never be done."""


class Poison:
    """Records that nobody should send: each is refused or buried, and its neighbours are done."""

    name: ClassVar[str] = "poison"
    weight: ClassVar[int] = 2

    def prepare(self, ground: Ground) -> Needs:  # noqa: ARG002 - nothing of it is needed
        """Nothing is to be prepared."""
        return Needs()

    def strike(self, stage: Stage, dice: Random) -> Struck:
        """Decode many, then send some to wallets of their own. Raises FaultError."""
        decode_all(dice.getrandbits(48), CODEC)
        wallets = tuple(
            str(uuid.UUID(int=dice.getrandbits(128), version=4)) for _ in range(WALLETS)
        )
        stage.send(*(each for wallet in wallets for each in _opening(wallet)))
        is_paying = stage.pid("delayed") is not None
        types = tuple(TYPES) if is_paying else tuple(name for name in TYPES if name != SCHEDULE)
        stage.send(*Fuzz(dice.getrandbits(48), wallets, types).records(LIVE))
        counts = {"poison decoded": CODEC, "poison sent": LIVE}
        return Struck(f"{LIVE} hostile records sent, {CODEC:,} decoded", counts)

    def close(self) -> None:
        """Nothing is to be taken down."""


def decode_all(seed: int, count: int) -> None:
    """Decode so many records of a seed. Raises FaultError at the first that has no answer."""
    for number, record in enumerate(Fuzz(seed).records(count)):
        try:
            judge(record)
        except Exception as error:
            what = f"record {number} of fuzz seed {seed} has no answer: {error!r}; {record!r:.500}"
            raise FaultError(what) from error


def _opening(wallet: str) -> list[Raw]:
    """A wallet, and some money in it."""
    own = {"wallet_id": wallet}
    said = (
        message_of("wallet.create.v1", own, source=SOURCE, command_id=f"create {wallet}"),
        message_of(
            "deposit.v1", {**own, "amount": "1000.00"}, source=SOURCE, command_id=f"fill {wallet}"
        ),
    )
    return [Raw(each.key, each.value, tuple(each.headers)) for each in said]
