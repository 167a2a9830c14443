"""The lists of the vocabulary agree with each other."""

from typing import get_args, get_type_hints

from schemas import tables
from schemas.commands import TYPES, SetWalletStatus, kind_of
from schemas.events import EVENT_TYPES
from schemas.statuses import STATUSES


def test_every_command_has_its_kind_and_event() -> None:
    """A kind is a command's type without its version."""
    assert [kind_of(name) for name in TYPES] == list(EVENT_TYPES)
    assert all(name.endswith(".v1") for name in (*TYPES, *EVENT_TYPES.values()))


def test_the_statuses_of_the_wire_are_those_of_the_table() -> None:
    """The position is the number in the table."""
    assert get_args(get_type_hints(SetWalletStatus)["status"]) == STATUSES


def test_wallet_id_leads_every_key_of_a_wallet() -> None:
    """So that the tables can be spread over databases by wallet."""
    for name in ("wallets", "profiles"):
        assert [column.name for column in tables.metadata.tables[name].primary_key] == ["wallet_id"]
