"""A scratch ledger: topics and a database of its own on the running stack, gone afterwards."""

import os
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

import psycopg2
from confluent_kafka import KafkaException

from producers import databases
from schemas.settings import Settings
from wallet import migrate, topics

WAIT_SECONDS = 30.0


@contextmanager
def scratch_ledger(settings: Settings, name: str) -> Iterator[Settings]:
    """Settings of a new, empty ledger beside the real one; nothing of the real one is touched."""
    with scratch_database(settings, name) as address:
        mark = str(databases.name_of(address))
        mine = settings.model_copy(
            update={
                "database_url": address,
                "topic_prefix": f"{mark}.",
                "application": f"{settings.application}-{mark}",
            }
        )
        try:
            migrate.upgrade(mine.database_url, WAIT_SECONDS)
            topics.apply(mine, WAIT_SECONDS)
            yield mine
        finally:
            _remove_topics(mine)


@contextmanager
def scratch_database(settings: Settings, name: str) -> Iterator[str]:
    """The address of a new, empty database on the ledger's server."""
    mark = f"{name}_{secrets.token_hex(4)}"
    _execute(settings, f'CREATE DATABASE "{mark}"')
    try:
        yield databases.beside(settings.database_url, mark)
    finally:
        _execute(settings, f'DROP DATABASE "{mark}" WITH (FORCE)')


def environment(settings: Settings) -> dict[str, str]:
    """The environment in which a process of ours works on this ledger."""
    said = settings.model_dump(mode="json", exclude_none=True)
    return {**os.environ, **{f"WALLET_{key.upper()}": str(value) for key, value in said.items()}}


def _execute(settings: Settings, statement: str) -> None:
    connection = psycopg2.connect(settings.database_url, connect_timeout=5)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


def _remove_topics(settings: Settings) -> None:
    names = [topic.name for topic in settings.topics.all()]
    with suppress(KafkaException, TimeoutError):  # a broker that is gone has no topics to remove
        delete_topics(settings, names)


def delete_topics(settings: Settings, names: Collection[str]) -> None:
    """Delete topics and wait for it. Raises KafkaException, TimeoutError."""
    admin = topics.client(settings)  # kept by name: with it its answers would be gone
    found = admin.delete_topics([*names], operation_timeout=10)
    for future in found.values():
        future.result(WAIT_SECONDS)
