"""Turns: many tasks in threads, of which one at a time has the turn; the seed says which.

The code under test is plain blocking code. Each of its tasks has a thread, and the threads hand
one baton round: whoever has it runs until it pauses, and chance tells who runs next. So a schedule
depends on the seed alone, and the same seed gives the same schedule.
"""

import _thread
import random
from collections.abc import Callable
from typing import Final, Self


class Gone(BaseException):
    """The process that this task belongs to has ended: unwind, and touch nothing."""


class Process:
    """What lives, is frozen and dies together."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.frozen = False


class Task:
    """One thread's worth of work of a process."""

    __slots__ = ("action", "gate", "name", "process")

    def __init__(self, process: Process, name: str, action: Callable[[], object]) -> None:
        self.process = process
        self.name = name
        self.action = action
        self.gate: _thread.LockType | None = None


class _Runner:
    """A thread that carries one task after another; making one costs as much as many turns."""

    def __init__(self) -> None:
        self.gate: Final = _thread.allocate_lock()
        self.gate.acquire()
        self.work: Callable[[], None] | None = None
        _thread.start_new_thread(self._run, ())

    def _run(self) -> None:
        while True:
            self.gate.acquire()
            work = self.work
            if work is None:
                return
            work()


class Threads:
    """Idle threads, used again by the next schedule. A context that ends them."""

    def __init__(self) -> None:
        self._idle: list[_Runner] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for runner in self._idle:
            runner.work = None
            runner.gate.release()
        self._idle.clear()

    def take(self) -> _Runner:
        """Take an idle thread, or a new one."""
        return self._idle.pop() if self._idle else _Runner()

    def give_back(self, runner: _Runner) -> None:
        """Take it back."""
        self._idle.append(runner)


class Turns:
    """The tasks of one schedule. `idle` is asked when nobody can go on; False ends it all.

    `stay` is the chance that whoever pauses goes on at once: runs of steps, and fewer switches.
    """

    def __init__(
        self, chance: random.Random, threads: Threads, idle: Callable[[], bool], stay: float
    ) -> None:
        self._stay = stay
        self._chance = chance
        self._threads = threads
        self._idle = idle
        self._tasks: list[Task] = []
        self._ready: list[Task] = []
        self._ending = False
        self._over: Final = _thread.allocate_lock()
        self.failure: BaseException | None = None
        self.current: Task | None = None

    def spawn(self, process: Process, name: str, action: Callable[[], object]) -> None:
        """Add a task; it begins at some later turn."""
        task = Task(process, name, action)
        self._tasks.append(task)
        self._ready.append(task)

    def run(self) -> None:
        """Give turns until all is over. Raises what a task raised that was no part of the game."""
        self._over.acquire()
        first = self._next(None)
        if first is not None:
            self._hand_to(first)
            self._over.acquire()
        self._over.release()
        if self.failure is not None:
            raise self.failure

    def pause(self) -> None:
        """Let others go on, perhaps. Raises Gone where the process has died meanwhile."""
        me = self.current
        assert me is not None, "only a task pauses"
        if not me.process.dead:
            self._leave(me)
        if me.process.dead:
            raise Gone

    def block(self) -> None:
        """Wait until somebody wakes this task."""
        me = self.current
        assert me is not None, "only a task waits"
        if not me.process.dead:
            self._ready.remove(me)
            self._leave(me)
        if me.process.dead:
            raise Gone

    def wake(self, task: Task) -> None:
        """Let a task go on that waits; nothing, if it does not."""
        if task in self._tasks and task not in self._ready:
            self._ready.append(task)

    def end_process(self, process: Process) -> None:
        """Let a process die: its tasks unwind at their next turn, and have no effect any more."""
        process.dead = True
        process.frozen = False
        for task in self._tasks:
            if task.process is process:
                self.wake(task)

    def fail(self, error: BaseException) -> None:
        """End it all because of an error."""
        if self.failure is None:
            self.failure = error
        self.end()

    def end(self) -> None:
        """Unwind all tasks."""
        self._ending = True
        for task in list(self._tasks):
            self.end_process(task.process)

    def _leave(self, me: Task) -> None:
        following = self._next(me)
        if following is None or following is me:
            return
        gate = me.gate
        assert gate is not None, "who runs has a thread"
        self._hand_to(following)
        gate.acquire()

    def _next(self, me: Task | None) -> Task | None:
        """Who has the next turn; None when nobody is left."""
        ready, draw = self._ready, self._chance.random
        if me is not None and draw() < self._stay and not me.process.frozen and me in ready:
            return me
        while True:
            able = [task for task in ready if not task.process.frozen]
            if able:
                return able[int(draw() * len(able))]
            if self._ending and not self._tasks:
                return None
            try:
                goes_on = not self._ending and self._idle()
            except Exception as error:  # noqa: BLE001 - a fault of the simulation ends the schedule
                self.fail(error)
                continue
            if not goes_on:
                self.end()

    def _hand_to(self, task: Task) -> None:
        self.current = task
        gate = task.gate
        if gate is None:
            runner = self._threads.take()
            task.gate = gate = runner.gate
            runner.work = lambda: self._carry(runner, task)
        gate.release()

    def _carry(self, runner: _Runner, task: Task) -> None:
        try:
            if not task.process.dead:
                task.action()
        except Gone:
            pass
        except BaseException as error:  # noqa: BLE001 - told to whoever has started the schedule
            self.fail(error)
        self._tasks.remove(task)
        if task in self._ready:
            self._ready.remove(task)
        self._threads.give_back(runner)
        following = self._next(None)
        if following is None:
            self.current = None
            self._over.release()
        else:
            self._hand_to(following)
