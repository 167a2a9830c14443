"""The partitioners of docs/PRODUCING.md, in Go and Node, send keys where they belong."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from schemas import vectors
from tests.snippets import needs, run, snippet, snippets

COUNTS = ("1", "4", "6", "24", "100")
KEYS: list[dict[str, Any]] = vectors.document()["keys"]

GO_MAIN = """
package main

import (
    "encoding/json"
    "fmt"
    "os"

    "example/wallet"
)

func main() {
    var keys []string
    if err := json.NewDecoder(os.Stdin).Decode(&keys); err != nil {
        panic(err)
    }
    for _, key := range keys {
        for _, count := range []int{1, 4, 6, 24, 100} {
            fmt.Print(wallet.Partition([]byte(key), count), " ")
        }
        fmt.Println()
    }
}
"""

NODE_MAIN = """
const { partition, murmur2 } = require("./partition.js");
const keys = JSON.parse(require("fs").readFileSync(0));
for (const key of keys) {
  const bytes = Buffer.from(key, "utf8");
  console.log([1, 4, 6, 24, 100].map((count) => partition(bytes, count)).join(" "), murmur2(bytes));
}
"""


def given() -> str:
    """The keys of the test vectors as JSON."""
    return json.dumps([line["key"] for line in KEYS], ensure_ascii=False)


def expected() -> list[list[str]]:
    """The partitions of each key."""
    return [[str(line["partitions"][count]) for count in COUNTS] for line in KEYS]


@pytest.mark.long  # the first time Go compiles its own library
@needs("go")
def test_the_partitioner_in_go(tmp_path: Path) -> None:
    """Without any package, so without a network."""
    (tmp_path / "wallet").mkdir()
    (tmp_path / "go.mod").write_text("module example\n\ngo 1.19\n", encoding="utf-8")
    own = snippet("go", "package wallet")
    (tmp_path / "wallet" / "partition.go").write_text(own, encoding="utf-8")
    (tmp_path / "main.go").write_text(GO_MAIN, encoding="utf-8")
    ran = run("go", "run", ".", folder=tmp_path, given=given())
    assert ran.returncode == 0, ran.stderr
    assert [line.split() for line in ran.stdout.splitlines()] == expected()


@needs("gofmt")
def test_go_is_written_as_gofmt_has_it(tmp_path: Path) -> None:
    """Both examples; and so they can be parsed."""
    for number, own in enumerate(snippets("go")):
        (tmp_path / f"{number}.go").write_text(own, encoding="utf-8")
    ran = run("gofmt", "-l", ".", folder=tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@needs("node")
def test_the_partitioner_in_node(tmp_path: Path) -> None:
    """Without any package; its murmur2 is signed, as Java's."""
    own = snippet("js", "function murmur2")
    (tmp_path / "partition.js").write_text(own, encoding="utf-8")
    ran = run("node", "-e", NODE_MAIN, folder=tmp_path, given=given())
    assert ran.returncode == 0, ran.stderr
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert [line[:-1] for line in lines] == expected()
    assert [int(line[-1]) for line in lines] == [line["murmur2"] for line in KEYS]


@needs("node")
def test_node_can_parse_its_examples(tmp_path: Path) -> None:
    """All of them."""
    for number, own in enumerate(snippets("js")):
        (tmp_path / f"{number}.js").write_text(own, encoding="utf-8")
        ran = run("node", "--check", f"{number}.js", folder=tmp_path)
        assert ran.returncode == 0, ran.stderr


def test_kcat_is_given_options_that_there_are() -> None:
    """Its own by kcat's manual, those behind -X by librdkafka, which both producers share."""
    lines = [
        " ".join(line.split())
        for own in snippets("sh")
        for line in own.replace("|\n", "|").splitlines()
    ]
    spoken = [shlex.split(line.rpartition("|")[2]) for line in lines]
    assert len(spoken) == 4
    known = {"-P": 0, "-C": 0, "-e": 0, "-q": 0, "-J": 0}
    known |= dict.fromkeys(("-b", "-t", "-k", "-X", "-H", "-o"), 1)
    for words in spoken:
        assert words[0] == "kcat"
        rest = words[1:]
        settings = {}
        while rest:
            taken = known[rest[0]]
            if rest[0] == "-X":
                name, _, text = rest[1].partition("=")
                settings[name.removeprefix("topic.")] = text
            rest = rest[1 + taken :]
        settings.pop("isolation.level", None)  # a consumer's
        Producer({**settings, "bootstrap.servers": "127.0.0.1:1"})
        assert "-P" not in words or settings["partitioner"] == "murmur2_random"
