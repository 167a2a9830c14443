"""The table of commands, by which only what is called is imported."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from wallet.cli import app
from wallet.cli.families import FAMILIES, commands_of


@pytest.mark.parametrize("family", FAMILIES)
def test_the_table_says_what_each_module_registers(family: str) -> None:
    """A command that is not in the table could not be called."""
    assert tuple(commands_of(family)) == FAMILIES[family]


def test_help_names_every_command() -> None:
    """`wallet --help` is the list of all."""
    said = CliRunner().invoke(app, ["--help"]).output
    assert [name for names in FAMILIES.values() for name in names if name not in said] == []


def test_a_command_that_is_none_gets_a_suggestion() -> None:
    """A typing error is answered with the command that was meant."""
    done = CliRunner().invoke(app, ["balanse"])
    assert done.exit_code == 2
    assert "Did you mean 'balance'" in done.output


def test_the_command_line_itself_imports_little() -> None:
    """Neither Faust nor a Kafka client is loaded before a command needs it."""
    program = "import sys, wallet.cli; print({'faust', 'confluent_kafka'} & sys.modules.keys())"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "set()\n"
