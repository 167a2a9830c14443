"""Waiting for the database and the broker at start: one clear line, then patience."""

from collections.abc import Callable
from typing import Final

import psycopg2
import stamina
import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource
from psycopg2 import extensions

from producers import unreached
from schemas.identifiers import partition_of
from schemas.settings import PARTITIONS_MAX, Settings
from schemas.topics import Topic
from streams.journal import connect

log: Final = structlog.get_logger(__name__)

PATIENCE_SECONDS: Final = 300.0
"""After that the process ends, so that its supervisor can tell."""

ANSWER_SECONDS: Final = 5.0

RELIED_ON: Final = ("message.timestamp.type", "cleanup.policy")
"""Settings of the commands topic that nothing may be decided without: "now" is the broker's time of
a record, never its producer's, and compaction takes commands that nobody has read yet."""

SAMPLE: Final = 64
"""Wallets that are looked at: half of them move where the number is doubled."""


class UnreadyError(Exception):
    """Something that must be there before work begins is not."""


def await_database(settings: Settings) -> None:
    """Return when the ledger's tables can be read. Raises UnreadyError after five minutes."""
    _await(lambda: _database_ready(settings), "PostgreSQL", "WALLET_DATABASE_URL")


def await_broker(settings: Settings) -> None:
    """Return when the commands topic is there. Raises UnreadyError after five minutes."""
    _await(lambda: _broker_ready(settings), "Kafka", "WALLET_KAFKA_BOOTSTRAP")


def _await(look: Callable[[], str | None], what: str, setting: str) -> None:
    said: set[str] = set()

    @stamina.retry(on=UnreadyError, attempts=None, timeout=PATIENCE_SECONDS, wait_max=2.0)
    def ready() -> None:
        problem = look()
        if problem is None:
            return
        if problem not in said:
            log.warning("not ready, trying again", what=what, why=problem, setting=setting)
        said.add(problem)
        raise UnreadyError(f"{what} is not ready: {problem}. Check {setting}.")

    ready()


def _database_ready(settings: Settings) -> str | None:
    try:
        connection = connect(settings, "start")
    except psycopg2.OperationalError as error:
        return str(error).strip().splitlines()[0]
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('partitions') IS NOT NULL")
            row = cursor.fetchone()
            if not row or not row[0]:
                return "the tables are missing: run `wallet migrate`"
            return other_count(cursor, settings.partitions)
    finally:
        connection.close()


def other_count(cursor: extensions.cursor, partitions: int) -> str | None:
    """What is wrong where the ledger has lived with another number of partitions.

    Its wallets' commands would be on other partitions than before, out of order with those that
    wait there, and the numbers that follow from offsets would be given twice.
    """
    cursor.execute(f"SELECT wallet_id::text, partition FROM wallets LIMIT {SAMPLE}")  # noqa: S608 - a constant
    homes = cursor.fetchall()

    def fits(count: int) -> bool:
        return all(partition_of(wallet_id, count) == home for wallet_id, home in homes)

    if fits(partitions):
        return None
    made_with = next(filter(fits, range(1, PARTITIONS_MAX + 1)), "another number of")
    return (
        f"the ledger was made with {made_with} partitions, WALLET_PARTITIONS says {partitions}."
        " The number is fixed for a ledger's life; where the topics were given more, make them anew"
    )


def _broker_ready(settings: Settings) -> str | None:
    admin = AdminClient({**settings.kafka_client(), "log_level": 0})
    wanted = settings.topics.commands
    name = wanted.name
    try:
        topic = admin.list_topics(name, timeout=ANSWER_SECONDS).topics[name]
        if topic.error is not None or not topic.partitions:
            return (
                unreached.refused_name(topic.error)
                or f"the topic {name} is missing: run `wallet topics apply`"
            )
        found = len(topic.partitions)
        if found != settings.partitions:
            said = f"WALLET_PARTITIONS says {settings.partitions}"
            return f"the topic {name} has {found} partitions, {said}"
        return _other_settings(admin, wanted)
    except KafkaException as error:
        return f"{error.args[0].str()}: {unreached.why(settings)}"


def _other_settings(admin: AdminClient, topic: Topic) -> str | None:
    """What is wrong with how a cluster keeps the commands.

    A cluster that does not let us look, or does not know a setting, is taken at its word. Raises
    KafkaException.
    """
    asked = ConfigResource(ConfigResource.Type.TOPIC, topic.name)
    (answer,) = admin.describe_configs([asked], request_timeout=ANSWER_SECONDS).values()
    try:
        found = answer.result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise
        log.warning("not allowed to look at the topic's settings", topic=topic.name)
        return None
    for setting in RELIED_ON:
        has = found[setting].value if setting in found else topic.config[setting]
        if has != topic.config[setting]:
            return (
                f"the topic {topic.name} has {setting}={has} instead of"
                f" {topic.config[setting]}: `wallet topics plan` says more, `apply` mends it"
            )
    return None
