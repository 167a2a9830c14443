"""`wallet schemas` gives schemas, the AsyncAPI document and test vectors to people and folders."""

import json
from pathlib import Path

import typer
import yaml
from typer.testing import CliRunner

from schemas import vectors
from schemas.channels import CHANNELS
from schemas.jsonschemas import MESSAGES, all_schemas, message_schema
from wallet.cli import schemas

app = typer.Typer()
schemas.register(app)
app.callback()(lambda: None)


def test_all_schemas_are_printed_by_type() -> None:
    """As one JSON object."""
    ran = CliRunner().invoke(app, ["schemas"])
    assert ran.exit_code == 0
    assert json.loads(ran.stdout) == all_schemas()


def test_one_schema_is_printed_alone() -> None:
    """As the file of a schema would hold it."""
    ran = CliRunner().invoke(app, ["schemas", "--type", "deposit.v1"])
    assert json.loads(ran.stdout) == message_schema("deposit.v1")


def test_schemas_are_written_into_a_folder(tmp_path: Path) -> None:
    """One file for each type; the folder is made."""
    ran = CliRunner().invoke(app, ["schemas", "--out", str(tmp_path / "new" / "folder")])
    assert ran.exit_code == 0
    files = {path.name for path in (tmp_path / "new" / "folder").iterdir()}
    assert files == {f"{name}.schema.json" for name in MESSAGES}
    written = (tmp_path / "new" / "folder" / "refund.v1.schema.json").read_text(encoding="utf-8")
    assert json.loads(written) == message_schema("refund.v1")


def test_an_unknown_type_asks_what_was_meant() -> None:
    """With the list of those there are."""
    ran = CliRunner().invoke(app, ["schemas", "--type", "depositt.v1"])
    assert ran.exit_code == 2
    assert "deposit.v1?" in ran.output.replace("\n", " ")


def test_the_asyncapi_document_is_printed_in_both_forms(tmp_path: Path) -> None:
    """YAML says the same as JSON; a file is written instead where one is named."""
    printed = json.loads(CliRunner().invoke(app, ["schemas", "asyncapi"]).stdout)
    assert set(printed["channels"]) == {channel.topic for channel in CHANNELS}
    ran = CliRunner().invoke(
        app, ["schemas", "asyncapi", "--yaml", "--out", str(tmp_path / "asyncapi.yaml")]
    )
    assert ran.exit_code == 0
    assert yaml.safe_load((tmp_path / "asyncapi.yaml").read_text(encoding="utf-8")) == printed


def test_the_vectors_are_printed_as_they_are() -> None:
    """To the byte."""
    assert CliRunner().invoke(app, ["schemas", "vectors"]).stdout_bytes == vectors.text()
