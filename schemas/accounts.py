"""The accounts of the outside world: where money comes from and goes to.

A world account is only appended to; no row holds its balance, so none is hot (DESIGN.md 3).
"""

from typing import Final

WORLD_DEPOSITS: Final = "world:deposits"
WORLD_SALES: Final = "world:charge_sales"
WORLD_CREDIT: Final = "world:credit"
"""Where the money of an approved credit request comes from."""
WORLD_TRANSIT: Final = "world:in_transit"
"""Where the money of a withdrawal is between its execution and the bank's answer."""
WORLD_BANK: Final = "world:bank"
WORLD_EXCHANGE: Final = "world:exchange"
"""Where the money of one currency goes, and that of the other comes from."""

WORLD: Final[dict[str, str]] = {
    WORLD_DEPOSITS: "00000000-0000-8000-8000-000000000001",
    WORLD_SALES: "00000000-0000-8000-8000-000000000002",
    WORLD_TRANSIT: "00000000-0000-8000-8000-000000000003",
    WORLD_BANK: "00000000-0000-8000-8000-000000000004",
    WORLD_CREDIT: "00000000-0000-8000-8000-000000000005",
    WORLD_EXCHANGE: "00000000-0000-8000-8000-000000000006",
}
"""Name on the wire -> UUID in the entries table."""

WORLD_NUMBERS: Final[dict[str, int]] = {name: place for place, name in enumerate(WORLD, 1)}
"""Name on the wire -> its place among them, from 1."""

WORLD_NAMES: Final[dict[str, str]] = {account: name for name, account in WORLD.items()}


def is_world(account: str) -> bool:
    """Whether an account name on the wire is the outside world's, not a wallet id."""
    return account in WORLD
