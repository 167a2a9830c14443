"""Kafka Streams doing the plainest form of our work, measured on the same broker in the same run.

The program is no part of this repository and is never shipped: it is looked for beside it. It
keeps balances in RocksDB, deduplicates nothing, has no journal and no database, and fsyncs nothing:
a ceiling to pass, not an equal.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec
from confluent_kafka import KafkaException

from schemas.settings import Settings
from wallet import topics
from wallet.bench.scratch import delete_topics
from wallet.failure import Failure

PROGRAM: Final = Path(__file__).parents[3] / "shared" / "peers" / "kstreams" / "drain.py"
SECONDS: Final = 600.0
"""Its first run builds it with Maven."""

ANSWER_SECONDS: Final = 30.0
PREFIX: Final = "peer-"
"""Of the topics it makes."""


class Peer(msgspec.Struct, frozen=True):
    """What the peer says at its end."""

    peer: str
    commands: int
    commands_per_second: float
    steady_per_second: float


def check(program: Path) -> None:
    """Raise Failure where there is no peer to measure."""
    if not program.is_file():
        raise Failure(f"no peer at {program}; name its drain.py with --peer-program, or no --peer")


def kafka_streams(settings: Settings, program: Path, commands: int) -> Peer:
    """Let it drain so many commands; its topics are removed. Raises Failure."""
    before = _topics(settings)
    try:
        done = subprocess.run(  # noqa: S603 - the program that the user named
            (sys.executable, str(program), settings.kafka_bootstrap, str(commands)),
            capture_output=True,
            check=False,
            timeout=SECONDS,
            text=True,
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"the peer has not ended after {SECONDS:.0f} s: {program}") from None
    finally:
        _remove(settings, _topics(settings) - before)
    if done.returncode:
        raise Failure(f"the peer ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    said = msgspec.json.decode(done.stdout.splitlines()[-1], type=Peer)
    if said.commands != commands:
        raise Failure(f"the peer gave {said.commands:,} of {commands:,} results")
    return said


def _topics(settings: Settings) -> set[str]:
    found = topics.client(settings).list_topics(timeout=ANSWER_SECONDS).topics
    return {name for name in found if name.startswith(PREFIX)}


def _remove(settings: Settings, names: set[str]) -> None:
    if not names:
        return
    try:
        delete_topics(settings, names)
    except (KafkaException, TimeoutError) as error:
        raise Failure(f"the peer's topics were not removed: {error}") from error
