"""The rights of each process: as Kafka's own tool takes them, and as docs/OPERATING.md says."""

from itertools import groupby
from pathlib import Path

from schemas.kafka_rights import Right, rights
from schemas.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "OPERATING.md"


def _cells(found: list[Right]) -> str:
    said = {"Read": "read", "Write": "write", "Describe": "describe"}
    parts: dict[str, list[str]] = {}
    for right in found:
        words = ", ".join(said.get(each, each) for each in right.operations)
        ending = "*" if right.is_prefix else ""
        kind = "" if right.kind == "topic" else f"{right.kind.replace('-', ' ')} "
        parts.setdefault(f"{kind}{words}", []).append(f"`{right.name}{ending}`")
    return "; ".join(f"{what}: {', '.join(names)}" for what, names in parts.items())


def _rows() -> list[str]:
    by_process = groupby(sorted(rights(Settings()), key=lambda right: right.process), _process)
    return [f"| {process} | {_cells(list(found))} |" for process, found in by_process]


def _process(right: Right) -> str:
    return right.process


def test_the_page_tells_all_of_them() -> None:
    """A row for each process; print(_rows()) has them."""
    page = PAGE.read_text(encoding="utf-8").splitlines()
    assert [row for row in _rows() if row not in page] == []


def test_they_follow_the_names_that_the_settings_give() -> None:
    """A prefix of topics and the name of the application stand in all of them."""
    found = rights(Settings(topic_prefix="a.", application="b"))
    names = {right.name for right in found} - {"wallet-audit"}
    assert all(name.startswith(("a.", "b")) for name in names)


def test_kafkas_own_tool_takes_them() -> None:
    """Its options, with the names in quotes."""
    one = Right("worker", "transactional-id", "b-", ("Write",), is_prefix=True)
    assert one.options("User:w") == (
        "--allow-principal 'User:w' --operation Write --transactional-id 'b-'"
        " --resource-pattern-type prefixed"
    )
