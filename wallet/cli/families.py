"""The families of commands: a module each, imported only when one of its commands is called.

A worker or `wallet balance` need not wait for what `wallet up` or `wallet bench` imports.
"""

import importlib
from typing import Any, Final

import typer
from typer.core import TyperGroup

FAMILIES: Final = {
    "stack": ("up", "status", "down", "reset"),
    "commands": ("create", "deposit", "transfer", "exchange", "sell", "refund", "set-status"),
    "credit": ("credit",),
    "withdrawals": ("withdraw", "withdrawals"),
    "sending": ("send",),
    "check": ("check",),
    "explain": ("explain",),
    "looking": ("result", "balance", "history"),
    "events": ("events",),
    "dlq": ("dlq",),
    "demo": ("demo",),
    "verify": ("verify",),
    "seal": ("seal",),
    "statement": ("statement",),
    "replay": ("replay",),
    "rebuild": ("rebuild",),
    "torture": ("torture",),
    "schemas": ("schemas",),
    "doctor": ("doctor",),
    "setup": ("migrate", "topics"),
    "worker": ("worker",),
    "delayed": ("delayed",),
    "bank_caller": ("bank-caller",),
    "receipts": ("receipts",),
    "balances": ("balances",),
    "gateway": ("gateway",),
    "users": ("create-admin", "users"),
    "keys": ("keys",),
    "audit_log": ("audit-log",),
    "clock": ("clock",),
    "pretend_bank": ("pretend-bank",),
    "bench": ("bench",),
}
"""Module of this package -> what its `register(app)` adds. The order is that of the help."""

_FAMILY_OF: Final = {name: family for family, names in FAMILIES.items() for name in names}


class Families(TyperGroup):
    """The commands of all families."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own context
        """Run what is asked for; a word that is none of a choice is told without a type's name."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - typer's own context
        """Name all commands, in the order of the table."""
        return list(_FAMILY_OF)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - as above
        """Give a command; for a name that is none, all are loaded, so that one can be suggested."""
        for family in [_FAMILY_OF[cmd_name]] if cmd_name in _FAMILY_OF else FAMILIES:
            if not self.commands.keys() >= set(FAMILIES[family]):
                self.commands.update(commands_of(family))
        return self.commands.get(cmd_name)


def commands_of(family: str) -> dict[str, Any]:
    """Import a family and give its commands by name."""
    app = typer.Typer()
    importlib.import_module(f"wallet.cli.{family}").register(app)
    return dict(typer.main.get_group(app).commands)
