"""Hears the results of withdrawals as a client would, and notes when each could be read."""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from confluent_kafka import Message

from schemas import results
from schemas.settings import Settings
from wallet.bench.committed import results_from_now

EXECUTE: Final = "execute:"
"""How the ids of the delayed consumer's commands begin; the withdrawal's id follows."""

ID_CHARACTERS: Final = 36
PATIENCE_SECONDS: Final = 60.0


class Ear(threading.Thread):
    """Reads committed results from the present end on, in a thread of its own.

    Moments are seconds since 1970, by this machine's clock.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="ear", daemon=True)
        self.due: dict[str, float] = {}
        """When each withdrawal whose schedule was heard is due."""
        self.executed: dict[str, float] = {}
        """When the execution of each could first be read."""
        self.sent: dict[str, float] = {}
        """When the broker had the command of each."""
        self.twice = 0
        """Completed executions of what was executed before."""
        self.refused = 0
        """Executions that were answered by a refusal."""
        self._changed = threading.Condition()
        self._ended = threading.Event()
        self._consumer = results_from_now(settings, "ear")

    def run(self) -> None:
        """Hear until the end."""
        while not self._ended.is_set():
            records = self._consumer.consume(5000, timeout=0.02)
            now = time.time()
            with self._changed:
                for record in records:
                    self._take(record, now)
                if records:
                    self._changed.notify_all()
        self._consumer.close()

    def end(self) -> None:
        """Hear no more."""
        self._ended.set()
        self.join(10)

    def await_count(self, count: Callable[[], int], wanted: int) -> bool:
        """Wait until so many are counted; False when nothing moved for a minute before that."""
        with self._changed:
            deadline, seen = time.monotonic() + PATIENCE_SECONDS, count()
            while seen < wanted:
                if not self._changed.wait(deadline - time.monotonic()):
                    return False
                if count() > seen:
                    deadline, seen = time.monotonic() + PATIENCE_SECONDS, count()
        return True

    def _take(self, record: Message, now: float) -> None:
        headers = dict(record.headers() or ())
        asked = headers.get("ce_causationid")
        if record.error() is not None or not isinstance(asked, bytes):
            return
        is_completed = headers.get("ce_type") == results.COMPLETED.encode()
        command_id = asked.decode()
        if not command_id.startswith(EXECUTE):
            self._take_scheduled(record)
        elif not is_completed:
            self.refused += 1
        else:
            withdrawal_id = command_id[len(EXECUTE) :][:ID_CHARACTERS]
            self.twice += withdrawal_id in self.executed
            self.executed.setdefault(withdrawal_id, now)
            recorded_at = results.decode(record.value() or b"").recorded_at
            self.sent.setdefault(withdrawal_id, datetime.fromisoformat(recorded_at).timestamp())

    def _take_scheduled(self, record: Message) -> None:
        withdrawal = results.decode(record.value() or b"").withdrawal
        if withdrawal is not None and withdrawal.status == "scheduled":
            self.due[withdrawal.id] = datetime.fromisoformat(withdrawal.due_at).timestamp()
