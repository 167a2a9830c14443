"""Commands of a simulated schedule: few wallets, so that they meet; every kind; some twice."""

import random
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from schemas.identifiers import digest, partition_of, transaction_id
from schemas.money import DEFAULT_CURRENCY

if TYPE_CHECKING:
    from wallet.torture.simulation.world import Plan

BEGAN_MS: Final = 1_800_000_000_000
GAP_MS: Final = 700
"""Between two commands: a withdrawal is due two commands after it was scheduled."""

EXCHANGED: Final = 0.9
"""The share of transfers between currencies that are exchanges; others are refused."""

SOURCE: Final = "/simulation"
WALLETS: Final = 2
"""Wallets that each partition has."""

CURRENCIES: Final = (DEFAULT_CURRENCY, "EUR")

KINDS: Final = (
    ("transfer",) * 8
    + ("deposit",) * 3
    + ("create",) * 2
    + ("again",) * 3
    + ("schedule", "execute", "settle", "fail") * 2
    + ("sale", "refund", "other content", "poison", "status", "ask", "approve", "elsewhere")
)

READY: Final = 0.7
"""The share of schedules that begin with all wallets they have room for; others draw how many."""

APT: Final = 0.8
"""How often a command is for a wallet that was asked for, and a transfer for another than itself.

The others keep refusals, and wallets that are made by one batch while another one looks for them.
"""

ODD: Final = frozenset({"again", "other content", "poison"})


class Sent(NamedTuple):
    """A command to be appended."""

    partition: int
    key: bytes | None
    value: bytes
    timestamp: int


@lru_cache
def wallets_of(partitions: int) -> tuple[tuple[str, int], ...]:
    """A few wallet ids with their partitions, the same in every schedule."""
    found: list[tuple[str, int]] = []
    for number in range(1000):
        one = f"{number:08x}-0000-4000-8000-{number * 37 % 65536:012x}"
        home = partition_of(one, partitions)
        if sum(each[1] == home for each in found) < WALLETS:
            found.append((one, home))
    return tuple(found)


def traffic(plan: "Plan", partitions: int) -> list[Sent]:
    """The commands of a plan, in the order in which they are sent."""
    return _Traffic(plan.seed, partitions, plan.currencies).commands(plan.commands)


class _Traffic:
    def __init__(self, seed: int, partitions: int, currencies: int) -> None:
        self._draw = random.Random(seed ^ 0x5EED)  # noqa: S311 - no secret
        self._partitions = partitions
        self._wallets = wallets_of(partitions)
        self._currencies = {
            wallet: CURRENCIES[number // partitions % currencies]
            for number, (wallet, _) in enumerate(self._wallets)
        }
        self._sent: list[Sent] = []
        self._asked: list[tuple[str, int]] = []
        """Wallets that a command was to make, with their partitions."""
        self._made: dict[str, list[tuple[str, str]]] = {
            made: [] for made in ("sale", "schedule", "execute", "ask")
        }
        """Wallet and transaction id of what later commands may name."""

    def commands(self, count: int) -> list[Sent]:
        """So many; first wallets, none to all, are made and filled."""
        most = min(count // 3, len(self._wallets))
        few = self._draw.random() >= READY
        number = self._draw.randint(0, most) if few else most
        for wallet, home in self._draw.sample(self._wallets, k=number):
            self._create((wallet, home))
            self._add("deposit.v1", (wallet, home), {"amount": "10.00"})
        while len(self._sent) < count:
            self._one(self._draw.choice(KINDS))
        return self._sent[:count]

    def _one(self, kind: str) -> None:
        if kind in ODD:
            self._odd(kind, self._wallet())
        elif kind == "create":
            self._create(self._draw.choice(self._wallets))
        else:
            self._sound(kind, self._wallet())

    def _wallet(self, than: str = "") -> tuple[str, int]:
        """A wallet, as a rule one that was asked for, and another `than` this one."""
        apt = [one for one in self._asked if one[0] != than]
        return self._draw.choice(apt if apt and self._draw.random() < APT else self._wallets)

    def _sound(self, kind: str, wallet: tuple[str, int]) -> None:
        """A command that may well be done."""
        amount = {"amount": self._draw.choice(("1.00", "4.00", "9.00"))}
        match kind:
            case "deposit":
                self._add("deposit.v1", wallet, amount)
            case "transfer" | "elsewhere":
                place = (wallet[0], 1 - wallet[1]) if kind == "elsewhere" else wallet
                self._transfer(place, self._wallet(wallet[0])[0], amount)
            case "sale":
                sold = amount | {"phone_number": "09120000000"}
                self._note("sale", self._add("charge_sale.v1", wallet, sold))
            case "status":
                status = self._draw.choice(("active", "suspended"))
                self._add("wallet.set_status.v1", wallet, {"status": status})
            case "schedule":
                target = {"target": self._wallet(wallet[0])[0]} if self._coin() else {}
                more = amount | {"delay": 1} | target
                self._note("schedule", self._add("withdrawal.schedule.v1", wallet, more))
            case "ask":
                self._note("ask", self._add("credit_request.create.v1", wallet, amount))
            case _:
                self._follow(kind)

    def _create(self, wallet: tuple[str, int]) -> None:
        self._asked += [wallet] * (wallet not in self._asked)
        self._add("wallet.create.v1", wallet, {"currency": self._currencies[wallet[0]]})

    def _transfer(self, place: tuple[str, int], other: str, amount: dict[str, str]) -> None:
        """From one to another; an exchange, as a rule, where their currencies differ."""
        kind, data = "transfer.v1", amount | {"to_wallet_id": other}
        differ = self._currencies[place[0]] != self._currencies[other]
        if differ and self._draw.random() < EXCHANGED:
            kind, data["to_amount"] = "exchange.v1", self._draw.choice(("0.50", "4.00", "30.00"))
        self._note("sale", self._add(kind, place, data))

    def _follow(self, kind: str) -> None:
        """A command on what an earlier one has made, or perhaps not; or that earlier one."""
        made, command, field = {
            "refund": ("sale", "refund.v1", "transaction_id"),
            "execute": ("schedule", "withdrawal.execute.v1", "withdrawal_id"),
            "settle": ("execute", "withdrawal.settle.v1", "withdrawal_id"),
            "fail": ("execute", "withdrawal.fail.v1", "withdrawal_id"),
            "approve": ("ask", "credit_request.approve.v1", "credit_request_id"),
        }[kind]
        if not self._made[made]:
            self._sound(made, self._wallet())
            return
        wallet, name = self._draw.choice(self._made[made])
        if kind == "execute":
            self._note("execute", (wallet, name))
        more = {"reason": "no such account"} if kind == "fail" else {}
        place = (wallet, partition_of(wallet, self._partitions))
        self._add(command, place, {field: name} | more)

    def _odd(self, kind: str, wallet: tuple[str, int]) -> None:
        """Something that came before, or nothing that can be read."""
        before = [sent for sent in self._sent if sent.key is not None]
        if kind == "poison" or not before:
            self._append(Sent(wallet[1], None, b"\x00no json", 0))
            return
        sent = self._draw.choice(before)
        if kind == "other content":
            sent = sent._replace(value=sent.value.replace(b'"amount":"', b'"amount":"7'))
        elif self._draw.random() < 0.3:  # noqa: PLR2004 - some come by another partition
            sent = sent._replace(partition=1 - sent.partition)
        self._append(sent)

    def _add(self, kind: str, wallet: tuple[str, int], data: dict[str, Any]) -> tuple[str, str]:
        """Send a command; its wallet, and the id of the transaction it makes."""
        name = f"c{len(self._sent)}"
        envelope = {
            "specversion": "1.0",
            "id": name,
            "source": SOURCE,
            "type": kind,
            "data": {"wallet_id": wallet[0], **data},
        }
        sent = Sent(wallet[1], wallet[0].encode(), msgspec.json.encode(envelope), 0)
        moment, offset = self._append(sent)
        return wallet[0], transaction_id(moment, sent.partition, offset, digest(SOURCE, name))

    def _append(self, sent: Sent) -> tuple[int, int]:
        """When and where in its partition it will stand."""
        moment = BEGAN_MS + len(self._sent) * GAP_MS
        offset = sum(before.partition == sent.partition for before in self._sent)
        self._sent.append(sent._replace(timestamp=moment))
        return moment, offset

    def _note(self, what: str, made: tuple[str, str]) -> None:
        self._made[what].append(made)

    def _coin(self) -> bool:
        return self._draw.random() < 0.5  # noqa: PLR2004 - a coin
