"""Processes that die or stop: workers and consumers, the broker, PostgreSQL and its sessions."""

import signal
from random import Random
from typing import ClassVar, Final

import psycopg2

from wallet.torture.faults import FaultError, Ground, Needs, Stage, Struck

LIFE_SECONDS: Final = 30.0
"""The supervisor starts a dead process after at most 5 s."""
ANSWER_SECONDS: Final = 60.0
VOLLEY: Final = (4, 8)
"""Kills in a row."""
FROZEN_SECONDS: Final = 9.0
"""Longer than the session of 6 s, after which the group gives partitions away."""
CONSUMERS: Final = ("delayed", "bank-caller", "receipts", "balances")


class Unprepared:
    """A kind that needs nothing but the stage."""

    def prepare(self, ground: Ground) -> Needs:  # noqa: ARG002 - the protocol's
        """Nothing is needed."""
        return Needs()

    def close(self) -> None:
        """Nothing was made."""


class Kill(Unprepared):
    """kill -9 of workers: one alone, or a volley that meets the recovery from itself."""

    name: ClassVar[str] = "kill"
    weight: ClassVar[int] = 8

    def strike(self, stage: Stage, dice: Random) -> Struck:
        """Kill, and wait until each victim has been started again."""
        if stage.pid("delayed") is not None and dice.random() < 0.25:  # noqa: PLR2004 - a quarter
            return _kill_one(stage, dice.choice(CONSUMERS), "of a consumer", frozenset())
        if dice.random() < 0.6:  # noqa: PLR2004 - the share of kills that are measured alone
            victim = dice.choice(stage.workers())
            return _kill_one(stage, victim, "", stage.owned(victim))
        return self._volley(stage, dice)

    def _volley(self, stage: Stage, dice: Random) -> Struck:
        """Each victim as soon as it runs, however far it has come in its recovery."""
        victims = [dice.choice(stage.workers()) for _ in range(dice.randint(*VOLLEY))]
        count = 0
        for victim in victims:
            _await_running(stage, victim)
            count += stage.signal(victim, signal.SIGKILL) is not None
            stage.pause(dice.uniform(0.1, 2.0))
        for victim in set(victims):
            _await_running(stage, victim)
        return Struck(f"{count} kills: {', '.join(victims)}", {"kills": count}, sort="volley")


def _kill_one(stage: Stage, victim: str, sort: str, hit: frozenset[int]) -> Struck:
    _await_running(stage, victim)
    old = stage.signal(victim, signal.SIGKILL)
    if old is not None:
        stage.await_new_life(victim, old, LIFE_SECONDS)
    return Struck(f"{victim} killed", {"kills": int(old is not None)}, hit, sort=sort)


def _await_running(stage: Stage, name: str) -> None:
    stage.wait_until(lambda: stage.pid(name) is not None, LIFE_SECONDS, f"running {name}")


class Pause(Unprepared):
    """SIGSTOP: a zombie that wakes when others have taken over, or one that only stutters."""

    name: ClassVar[str] = "pause"
    weight: ClassVar[int] = 2

    def strike(self, stage: Stage, dice: Random) -> Struck:
        """Stop a worker for a while."""
        victim = dice.choice(stage.workers())
        zombie = dice.random() < 0.7  # noqa: PLR2004 - the share of long ones
        seconds = FROZEN_SECONDS if zombie else dice.uniform(0.2, 4.0)
        _await_running(stage, victim)
        hit = stage.owned(victim)
        pid = stage.signal(victim, signal.SIGSTOP)
        try:
            stage.pause(seconds)
        finally:
            if pid is not None and stage.pid(victim) == pid:
                stage.signal(victim, signal.SIGCONT)
        sort = "zombie" if zombie else "stutter"
        return Struck(f"{victim} stopped for {seconds:.1f} s", {"pauses": 1}, hit, sort=sort)


class Broker(Unprepared):
    """kill -9 of Kafka; its supervisor starts it again on the same log."""

    name: ClassVar[str] = "broker"
    weight: ClassVar[int] = 1

    def strike(self, stage: Stage, dice: Random) -> Struck:  # noqa: ARG002 - nothing to choose
        """Kill the broker and wait until it answers."""
        return _kill_server(stage, "kafka", signal.SIGKILL)


class Postgres(Unprepared):
    """The immediate shutdown of PostgreSQL, and the end of single sessions as they commit."""

    name: ClassVar[str] = "postgres"
    weight: ClassVar[int] = 2

    def strike(self, stage: Stage, dice: Random) -> Struck:
        """Restart the server, or end sessions of lanes."""
        if dice.random() < 0.5:  # noqa: PLR2004 - half of them
            return _kill_server(stage, "postgres", signal.SIGQUIT)
        ended = 0
        for _ in range(3):
            ended += _end_a_commit(stage)
            stage.pause(dice.uniform(0.1, 1.0))
        what = f"{ended} sessions of workers ended as they committed"
        return Struck(what, {"sessions ended": ended}, sort="sessions")


def _kill_server(stage: Stage, name: str, number: signal.Signals) -> Struck:
    _await_running(stage, name)
    old = stage.signal(name, number)
    if old is not None:
        stage.await_new_life(name, old, LIFE_SECONDS)
    back = stage.await_answers(name, ANSWER_SECONDS)
    return Struck(f"{name} killed", {f"kills of {name}": 1}, back_at=back)


# A session that waits for the log to reach the disk is within its COMMIT.
_END_A_COMMIT: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE '%lane-%' AND state = 'active'
      AND (wait_event IN ('WalSync', 'WALSync', 'WalWrite', 'WALWrite') OR %s)
ORDER BY pid LIMIT 1
"""
LOOKS: Final = 400
"""Looks for a session in its COMMIT; after half of them any active one will do."""


def _end_a_commit(stage: Stage) -> int:
    """End the session of one lane, in its COMMIT if one can be met there; how many were ended."""
    try:
        connection = psycopg2.connect(stage.settings.database_url, connect_timeout=5)
    except psycopg2.Error as error:
        raise FaultError(f"PostgreSQL does not answer: {error}") from error
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for look in range(LOOKS):
                cursor.execute(_END_A_COMMIT.replace("%lane-%", "%%lane-%%"), (look > LOOKS // 2,))
                if cursor.rowcount:
                    return 1
    finally:
        connection.close()
    return 0


class Storm(Unprepared):
    """Workers that come and go: 1, then 4, then 1 again; or each in turn restarted politely."""

    name: ClassVar[str] = "storm"
    weight: ClassVar[int] = 2

    def strike(self, stage: Stage, dice: Random) -> Struck:
        """Move the partitions around."""
        return self._roll(stage) if dice.random() < 0.6 else self._storm(stage, dice)  # noqa: PLR2004

    def _roll(self, stage: Stage) -> Struck:
        for name in stage.workers():
            stage.restart(name, LIFE_SECONDS)
            stage.await_held(ANSWER_SECONDS)
            stage.await_progress(ANSWER_SECONDS)  # a claim is noted when it begins
        count = len(stage.workers())
        return Struck("a rolling restart", {"polite restarts": count}, sort="rolling")

    def _storm(self, stage: Stage, dice: Random) -> Struck:
        usual = len(stage.workers())
        try:
            for count in (1, 4, 1):
                stage.keep_workers(count)
                stage.pause(dice.uniform(0.5, 5.0))
        finally:
            stage.keep_workers(usual)
        return Struck("workers 1, 4, 1", {"rebalance storms": 1})
