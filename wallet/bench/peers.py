"""Kafka Streams doing the plainest form of our work, measured on the same broker in the same run.

The program is no part of this repository and is never shipped: it is looked for beside it. It
keeps balances in RocksDB, deduplicates nothing, has no journal and no database, and fsyncs nothing:
a ceiling to pass, not an equal.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
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
        code, said, complained = _run(program, settings.kafka_bootstrap, commands)
    finally:
        _remove(settings, _topics(settings) - before)
    if code:
        raise Failure(f"the peer ended with {code}: {complained.strip()[-500:]}")
    peer = _read(said)
    if peer.commands != commands:
        raise Failure(f"the peer gave {peer.commands:,} of {commands:,} results")
    return peer


def _read(said: str) -> Peer:
    """What stands at its end, behind what Maven may have said before. Raises Failure."""
    try:
        return msgspec.json.decode(said[max(0, said.rfind("{")) :], type=Peer)
    except msgspec.DecodeError:
        raise Failure(f"the peer ended without its figures: {said.strip()[-500:]!r}") from None


def _run(program: Path, *words: object) -> tuple[int, str, str]:
    """Its exit code and what it said. It starts others: however it ends, they end with it."""
    child = subprocess.Popen(  # noqa: S603 - the program that the user named
        (sys.executable, str(program), *map(str, words)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    with child:
        try:
            said, complained = child.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise Failure(f"the peer has not ended after {SECONDS:.0f} s: {program}") from None
        finally:
            with suppress(ProcessLookupError):  # as it usually is: all have ended
                os.killpg(child.pid, signal.SIGKILL)
    return child.returncode, said, complained


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
