"""Presence: the workers notice at once when one of them is dead, and put it out of the group.

The group itself waits for the end of the session, 6 s, in case that a silent member comes back. A
process that has died is known sooner: its connections end with it. So each worker keeps a lock in
PostgreSQL for as long as it lives, and looks whether the holders of partitions still have theirs.

Nothing depends on it but time: whoever is put out by mistake joins again, and what a worker may
write is decided by its epoch alone.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from faust.exceptions import ConsumerNotStarted
from psycopg2 import errors, extensions

from schemas.settings import Settings
from streams.journal import connect

log: Final = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 0.4
"""A look costs PostgreSQL some 0.1 ms."""

LOCKS: Final = 0x57414C
"""Our advisory locks' first key; the second one is the worker's."""

_KEEP: Final = "SELECT pg_advisory_lock_shared(%s, hashtext(%s))"
# Keys of two numbers are told as class and object, the latter without a sign.
_GONE: Final = """
SELECT DISTINCT owner FROM partitions
WHERE topic = %s AND owner IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2 AND classid = %s
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND objid::bigint = hashtext(%s || split_part(owner, '@', 1))::bigint & 4294967295)
"""

_LEAVE: Final = "SELECT pg_advisory_unlock_shared(%s, hashtext(%s))"
_OTHERS: Final = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 2 AND classid = %s AND pid <> pg_backend_pid()
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Presence(threading.Thread):
    """Says that this worker lives, and looks after the others. `slot` is its name in the group.

    `put_out` tells the group that a member, by its id, has left.
    """

    def __init__(
        self,
        settings: Settings,
        slot: str,
        put_out: Callable[[str], None],
        crash: Callable[[str, BaseException], None],
    ) -> None:
        super().__init__(name="presence", daemon=True)
        self._settings = settings
        self._slot = slot
        self._put_out = put_out
        self._crash = crash
        self._told: set[str] = set()
        self._ended = threading.Event()
        self._connection: extensions.connection | None = None

    def appear(self) -> None:
        """Take our lock; to be done before the group is joined. Raises psycopg2.Error.

        Shared, since a former life of ours may be frozen and still have it.
        """
        self._connection = connect(self._settings, "presence")
        with self._connection.cursor() as cursor:
            cursor.execute(_KEEP, (LOCKS, self._prefix + self._slot))

    def run(self) -> None:
        """Look until ended; without the database there is nothing to work for."""
        try:
            while not self._ended.wait(LOOK_SECONDS):
                self._look()
        except BaseException as error:  # noqa: BLE001 - nobody may go on after it, whatever it is
            self._crash("the presence is broken", error)

    def end(self) -> None:
        """Look no longer; the lock goes with the process."""
        self._ended.set()

    def leave(self) -> None:
        """Look no longer, and do not count as there; to be said once the group is left."""
        self.end()
        self._ask(_LEAVE, LOCKS, self._prefix + self._slot)

    def is_somebody_there(self) -> bool:
        """Whether another worker of this database is."""
        return bool(self._ask(_OTHERS, LOCKS)[0][0])

    def _ask(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        assert self._connection is not None, "who has not appeared is taken for dead"
        with self._connection.cursor() as cursor:
            cursor.execute(query, arguments)
            return cursor.fetchall()

    def disappear(self) -> None:
        """Give our lock up, as the end of the process does."""
        if self._connection is not None:
            self._connection.close()

    @property
    def _prefix(self) -> str:
        return f"{self._settings.application}/"

    def gone(self) -> set[str]:
        """The owners of partitions who no longer live."""
        name = self._settings.topics.commands.name
        return {row[0] for row in self._ask(_GONE, name, LOCKS, self._prefix)}

    def _look(self) -> None:
        """Put each owner out whose lock is gone, once."""
        try:
            gone = self.gone() - self._told
        except errors.QueryCanceled as error:  # a slow server has ended nobody's session
            log.warning("could not see who is there", why=str(error).strip())
            return
        if not gone:
            return
        self._told |= gone
        try:
            members = members_of(self._settings)
            # Once more: a new life of that name, if the group has it by now, has its lock too.
            for owner in gone & self.gone():
                member = members.get(_slot(owner))
                if member is not None:
                    log.warning("a worker is dead: put out of the group", owner=owner)
                    self._put_out(member)
        except (KafkaException, KafkaError, ConsumerNotStarted, TimeoutError) as error:
            log.warning("a dead worker stays in the group for its session", why=repr(error))


def members_of(settings: Settings) -> Mapping[str, str]:
    """Slot -> member id of the workers' group. Raises KafkaException."""
    admin = AdminClient({**settings.kafka_client(), "log_level": 2})
    limit = settings.kafka_timeout
    asked = admin.describe_consumer_groups([settings.application], request_timeout=limit)
    described = asked[settings.application].result(limit)
    return {
        member.group_instance_id: member.member_id
        for member in described.members
        if member.group_instance_id
    }


def _slot(owner: str) -> str:
    return owner.partition("@")[0]
