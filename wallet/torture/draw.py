"""What the load sends: commands of every kind, drawn from the seed, and what no client should send.

The order and the content of what is drawn depend on the seed and on the shares alone, not on
clocks or answers.
"""

import uuid
from collections import deque
from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from producers.message import message_of
from schemas.identifiers import partition_of
from wallet.torture import poison
from wallet.torture.faults import Raw

SOURCE: Final = "/wallet/torture"
RECEIPTED: Final = "/wallet/torture/receipts"
"""The source of transfers that get a receipt: few, since each takes some milliseconds."""
RECEIPTS: Final = 0.05
"""The share of transfers that come from there, where somebody makes receipts."""
BANK_ACCOUNT: Final = "IR062960000000100324200001"
PHONE: Final = "+989120000000"

REPEATS: Final = 0.05
"""The share of duplicates: of these four in five say the same again, one says something else."""
POISON: Final = 0.01
MISPLACED: Final = 0.02
"""Good commands on a partition that is not their wallet's."""
WITHDRAWALS: Final = 0.06
FOREIGN: Final = 4
"""Wallets of another currency, one without decimals; only exchanges go there and come back."""
FOREIGN_CURRENCY: Final = "JPY"
REMEMBERED: Final = 5000
"""Commands that may be repeated; the last few are still in the same batch."""

Effect = tuple[tuple[str, int], ...]
"""Wallets and what they gain when the command is completed, in minor units."""


class Expected(NamedTuple):
    """How many results and dead letters a record must have; None: one or the other, or both."""

    results: int
    letters: int


class Draft(NamedTuple):
    """A record to send. `id` is the command's where the account is kept by ids, else None.

    `share`: what it is counted as. `expected`: for records that are accounted for one by one.
    """

    raw: Raw
    share: str
    id: str | None = None
    effect: Effect = ()
    expected: Expected | None = None


class Shares(NamedTuple):
    """What comes among the good commands."""

    poison: bool = True
    duplicates: bool = True
    withdrawals: bool = False


class Drawer:
    """An endless source of drafts on so many wallets."""

    def __init__(self, seed: int, wallets: int, partitions: int, shares: Shares) -> None:
        self._random = Random(f"{seed} load")  # noqa: S311 - chance that repeats is what is wanted
        self._partitions = partitions
        self._shares = shares
        self._said: deque[Draft] = deque(maxlen=REMEMBERED)
        self._again: list[Draft] = []
        self.wallets: Final = [self._id() for _ in range(wallets)]
        self.foreign: Final = [self._id() for _ in range(FOREIGN)]

    def opening(self) -> Iterator[Draft]:
        """Every wallet, with some money in it."""
        for wallet in self.wallets:
            yield self._command("wallet.create", wallet, {}, ())
            yield self._deposit(wallet, 100_000)
        for wallet in self.foreign:
            yield self._command("wallet.create", wallet, {"currency": FOREIGN_CURRENCY}, ())
            yield self._command("deposit", wallet, {"amount": "100000"}, ((wallet, 100_000),))

    def draw(self) -> Draft:
        """The next record."""
        if self._again:
            return self._again.pop()
        dice = self._random.random()
        if self._shares.poison and dice < POISON:
            return self._poison()
        if self._shares.duplicates and self._said and dice > 1 - REPEATS:
            return self._repeat()
        draft = self._good()
        if draft.share == "receipted":
            return draft  # its id, of another source, must not be used again
        self._said.append(draft)
        if self._shares.duplicates and self._random.random() < REPEATS / 5:
            self._again.append(draft._replace(share="repeats"))  # likely in the same batch
        return draft

    def _good(self) -> Draft:
        random = self._random
        wallet, other = random.choice(self.wallets), random.choice(self.wallets)
        minor, dice = random.randint(1, 5000), random.random()
        if self._shares.withdrawals and random.random() < WITHDRAWALS:
            return self._withdrawal(wallet, minor)
        draft = self._drawn(dice, wallet, other, minor)
        if draft.share == "receipted":
            return draft
        if self._shares.duplicates and random.random() < MISPLACED:
            elsewhere = random.randrange(self._partitions)
            right = partition_of(wallet, self._partitions)
            share = "commands" if elsewhere == right else "misplaced"
            return draft._replace(raw=draft.raw._replace(partition=elsewhere), share=share)
        return draft

    def _drawn(self, dice: float, wallet: str, other: str, minor: int) -> Draft:
        """A command of the mix; each number is the end of its share of the dice."""
        sums = {"amount": _shown(minor)}
        moved = ((wallet, -minor), (other, minor))
        if dice < 0.45:  # noqa: PLR2004 - as said
            terms = {**sums, "to_wallet_id": other}
            receipted = self._shares.withdrawals and dice < 0.45 * RECEIPTS
            return self._command("transfer", wallet, terms, moved, receipted=receipted)
        if dice < 0.7:  # noqa: PLR2004 - as said
            return self._deposit(wallet, minor)
        if dice < 0.8:  # noqa: PLR2004 - as said
            sold = {**sums, "phone_number": PHONE, "to_wallet_id": other}
            return self._command("charge_sale", wallet, sold, moved)
        if dice < 0.84:  # noqa: PLR2004 - as said
            return self._exchange(wallet, minor)
        if dice < 0.94:  # noqa: PLR2004 - as said
            sold = {**sums, "phone_number": PHONE}
            return self._command("charge_sale", wallet, sold, ((wallet, -minor),))
        if dice < 0.97:  # noqa: PLR2004 - as said
            return self._command("credit_request.create", wallet, sums, ())
        if dice < 0.99:  # noqa: PLR2004 - as said
            return self._command("refund", wallet, {"transaction_id": self._id()}, ())
        return self._command("wallet.create", self._id(), {}, ())

    def _deposit(self, wallet: str, minor: int) -> Draft:
        terms = {"amount": _shown(minor), "reference": "torture"}
        return self._command("deposit", wallet, terms, ((wallet, minor),))

    def _exchange(self, wallet: str, minor: int) -> Draft:
        """Into another currency or out of it, at no rate in particular."""
        random = self._random
        foreign, units = random.choice(self.foreign), random.randint(1, 5000)
        moved = ((wallet, minor, _shown(minor)), (foreign, units, str(units)))
        given, got = moved if random.random() < 0.5 else reversed(moved)  # noqa: PLR2004 - a half
        terms = {"to_wallet_id": got[0], "amount": given[2], "to_amount": got[2]}
        return self._command("exchange", given[0], terms, ((given[0], -given[1]), got[:2]))

    def _withdrawal(self, wallet: str, minor: int) -> Draft:
        delay = self._random.randint(1, 8)
        target = "magic:refused" if self._random.random() < 0.1 else BANK_ACCOUNT  # noqa: PLR2004
        terms = {"amount": _shown(minor), "delay": f"PT{delay}S", "target": target}
        return self._command("withdrawal.schedule", wallet, terms, ())

    def _command(
        self,
        kind: str,
        wallet: str,
        terms: dict[str, str],
        effect: Effect,
        own_id: str = "",
        *,
        receipted: bool = False,
    ) -> Draft:
        data = {"wallet_id": wallet, **terms}
        source = RECEIPTED if receipted else SOURCE
        made = message_of(f"{kind}.v1", data, source=source, command_id=own_id or self._id())
        raw = Raw(made.key, made.value, tuple(made.headers))
        return Draft(raw, "receipted" if receipted else "commands", made.id, effect)

    def _repeat(self) -> Draft:
        """A command once more: the same, or another deposit under its id; here or elsewhere."""
        random = self._random
        said = random.choice(self._said)
        if random.random() < 0.2:  # noqa: PLR2004 - the fifth part
            assert said.raw.key is not None, "commands of ours have keys"
            wallet, minor = said.raw.key.decode(), random.randint(1, 5000)
            terms = {"amount": _shown(minor), "reference": "another content"}
            other = self._command("deposit", wallet, terms, ((wallet, minor),), said.id or "")
            return other._replace(share="reused")
        elsewhere = random.randrange(self._partitions) if random.random() < MISPLACED else -1
        return said._replace(raw=said.raw._replace(partition=elsewhere), share="repeats")

    def _poison(self) -> Draft:
        wallet = self._random.choice(self.wallets)
        raw, expected = poison.draw(self._random, wallet, SOURCE, self._id())
        return Draft(raw, "poison", None, (), Expected(*expected))

    def _id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


def _shown(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
