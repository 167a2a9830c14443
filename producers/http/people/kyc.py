"""How much people may move at once, by how well they are known.

For sellers and users; services and admins answer for themselves. It is the amount of one transfer,
withdrawal or sale, in the wallet's currency. What they may move in a day is in kyc_days.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from producers.http.errors import early
from producers.http.people.principal import Principal
from producers.http.people.roles import Role
from schemas.networks import limits_of

LIMITED: Final = frozenset({"transfer.v1", "withdrawal.schedule.v1", "charge_sale.v1"})
PEOPLE: Final = frozenset({Role.SELLER, Role.USER})
CODE: Final = "kyc_limit_exceeded"


class Kyc:
    """The limits of one gateway's settings."""

    def __init__(self, limits: str) -> None:
        self._limits = sorted(limits_of(limits).items())

    def limit(self, level: int) -> Decimal | None:
        """The largest amount of a level; None where there is no limit."""
        return limit_of(self._limits, level)

    def refuse(self, who: Principal, command_type: str, data: Mapping[str, object]) -> None:
        """Refuse a command that moves more than who asks may. Raises EarlyError 403."""
        if not self._limits or not is_limited(who, command_type):
            return
        limit = self.limit(who.kyc_level)
        amount = amount_of(data.get("amount"))
        if limit is None or amount is None or amount <= limit:
            return
        words = f"At most {limit:f} may be moved at once on KYC level {who.kyc_level}."
        told = {"level": str(who.kyc_level), "limit": f"{limit:f}", "required": f"{amount:f}"}
        raise early(403, {"detail": words, "code": CODE, **told})


def is_limited(who: Principal, command_type: str) -> bool:
    """Whether somebody's commands of a type have limits at all."""
    return who.role in PEOPLE and command_type in LIMITED


def limit_of(limits: Sequence[tuple[int, Decimal | None]], level: int) -> Decimal | None:
    """The limit of a level, of those by level; None where there is none.

    A level that is not named has the limit of the next lower one that is, or of the lowest.
    """
    if not limits:
        return None
    named = [limit for each, limit in limits if each <= level]
    return named[-1] if named else limits[0][1]


def amount_of(said: object) -> Decimal | None:
    """An amount that the ledger could read; what it cannot it refuses itself."""
    try:
        return Decimal(str(said))
    except InvalidOperation:
        return None
