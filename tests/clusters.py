"""Three brokers with three copies of everything, as a cluster has it; each can be killed."""

import base64
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.topics import Topic
from tests.workers import wait_until
from wallet.local import kafka, ports
from wallet.local.process import die_with_parent

BROKERS: Final = 3
START_SECONDS: Final = 90
STOP_SECONDS: Final = 20
ANSWER_SECONDS: Final = 10

COPIES: Final = {
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
    "unclean.leader.election.enable": "false",
    # What a broker leads is led by another once it has been silent for so long.
    "broker.session.timeout.ms": "3000",
}


@dataclass(slots=True)
class Node:
    """One broker, a controller too."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; nobody waits until it answers."""
        spec = kafka.spec(self.folder)
        with (self.folder / "kafka.log").open("ab") as said:
            self.process = subprocess.Popen(
                spec.command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env={**os.environ, **spec.environment},
                process_group=0,
                preexec_fn=die_with_parent(signal.SIGKILL, os.getpid()),  # noqa: PLW1509 - one C call
            )

    def kill(self) -> None:
        """End it without a word, and wait until it has ended."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_SECONDS)


class Cluster:
    """The brokers by their number, 1 to 3."""

    def __init__(self, nodes: dict[int, Node], bootstrap: str) -> None:
        self.nodes: Final = nodes
        self.bootstrap: Final = bootstrap
        self._admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})

    def make(self, topic: Topic, first: int) -> None:
        """Make a topic whose partition 0 is led by this broker, 1 by the next, and so on.

        Left to the cluster, two topics have the same leaders one time in three.
        Raises KafkaException.
        """
        in_turn = [
            [(first - 1 + partition + copy) % BROKERS + 1 for copy in range(BROKERS)]
            for partition in range(topic.partitions)
        ]
        new = NewTopic(
            topic.name, topic.partitions, replica_assignment=in_turn, config=topic.config
        )
        for made in self._admin.create_topics([new]).values():
            made.result(ANSWER_SECONDS)

    def leaders(self, topic: str) -> dict[int, int]:
        """Who leads each partition; -1 where nobody does. Raises KafkaException."""
        found = self._admin.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic].partitions
        return {number: each.leader for number, each in found.items()}

    def is_led_without(self, topic: str, dead: int) -> bool:
        """Whether every partition has a leader, and another one than this."""
        with suppress(KafkaException):  # the one who was asked has just died
            return not set(self.leaders(topic).values()) & {dead, -1}
        return False

    def restart(self, number: int) -> None:
        """Start one that was killed, and wait until it has all that the others have."""
        self.nodes[number].start()
        self.await_whole()

    def await_whole(self) -> None:
        """Wait until all brokers are there and every partition has its copies."""
        wait_until(self._is_whole, START_SECONDS, "whole cluster")

    def _is_whole(self) -> bool:
        with suppress(KafkaException):  # none of them answers yet
            found = self._admin.list_topics(timeout=ANSWER_SECONDS)
            partitions = [each for one in found.topics.values() for each in one.partitions.values()]
            copied = all(len(each.isrs) == len(each.replicas) for each in partitions)
            return copied and len(found.brokers) == BROKERS
        return False


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Three brokers on loopback, waited for; killed at the end."""
    taken = [ports.free() for _ in range(2 * BROKERS)]
    doors, controllers = taken[:BROKERS], taken[BROKERS:]
    voters = ",".join(f"{n}@{ports.HOST}:{port}" for n, port in enumerate(controllers, 1))
    name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
    nodes = {number: Node(folder / f"broker-{number}") for number in range(1, BROKERS + 1)}
    for number, node in nodes.items():
        own = kafka.settings(node.folder, doors[number - 1], controllers[number - 1])
        given = {**own, **COPIES, "node.id": str(number), "controller.quorum.voters": voters}
        _format(node.folder, name, given)
    try:
        for node in nodes.values():
            node.start()
        cluster = Cluster(nodes, ",".join(f"{ports.HOST}:{port}" for port in doors))
        cluster.await_whole()
        yield cluster
    finally:
        for node in nodes.values():
            node.kill()


def _format(folder: Path, cluster_id: str, given: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    (folder / "cluster.id").write_text(cluster_id)
    lines = [f"{name}={value}\n" for name, value in given.items()]
    (folder / "server.properties").write_text("".join(lines))
    kafka.format_storage(folder)
