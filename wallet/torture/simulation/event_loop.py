"""An asyncio loop in virtual time, whose waits are turns of the simulation."""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

from wallet.torture.simulation.turns import Process, Task, Turns


class EventLoop(asyncio.BaseEventLoop):
    """The loop of one simulated process; executors become tasks of that process."""

    def __init__(self, turns: Turns, process: Process) -> None:
        super().__init__()
        self._selector = self  # what BaseEventLoop asks between two rounds
        self._turns = turns
        self._process = process
        self._moment = 0.0
        self._sleeper: Task | None = None

    def __del__(self) -> None:
        """Nothing to close: no socket, no thread."""

    def time(self) -> float:
        """Virtual seconds: they pass only while nothing else is to do."""
        return self._moment

    def select(self, timeout: float | None) -> list[Any]:
        """Between two rounds: wait for a callback, or let a timer's time pass."""
        if timeout is None:
            self._sleeper = self._turns.current
            try:
                self._turns.block()
            finally:
                self._sleeper = None
        elif timeout > 0:
            self._turns.pause()
            self._moment += timeout
        return []

    def call_soon(
        self,
        callback: Callable[..., object],
        *args: object,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """As in asyncio; other tasks of the process may call it too."""
        handle = super().call_soon(callback, *args, context=context)
        if self._sleeper is not None:
            self._turns.wake(self._sleeper)
        return handle

    def run_in_executor(
        self, executor: object, func: Callable[..., Any], *args: object
    ) -> asyncio.Future[Any]:
        """Do it in a task of its own."""
        del executor  # every one of them is the simulation
        future: asyncio.Future[Any] = self.create_future()

        def work() -> None:
            try:
                done = func(*args)
            except Exception as error:  # noqa: BLE001 - raised where it is awaited
                future.set_exception(error)
            else:
                future.set_result(done)

        self._turns.spawn(self._process, f"{self._process.name}.{func.__name__}", work)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Say nothing: what a dead process leaves unfinished is part of the game."""

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a system call."""
