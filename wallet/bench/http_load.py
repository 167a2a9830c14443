"""The load of `wallet bench http`: a process of its own, `python -m wallet.bench.http_load`.

Reads a Job as JSON from stdin and prints what it Saw. Its connections are kept open; each sends
its next request when the last one is answered. No HTTP library: it would take more of the two
cores than what is measured.
"""

import asyncio
import resource
import sys
import time
from collections import Counter
from typing import Final

import msgspec

from wallet.percentiles import percentile

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 30.0
HEAD_END: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length:"


class Ask(msgspec.Struct, frozen=True):
    """A request that is sent again and again."""

    method: str
    path: str
    body: str = ""


class Job(msgspec.Struct, frozen=True):
    """What to send where. Connection n begins with ask n; each goes through all of them."""

    host: str
    port: int
    connections: int
    seconds: float
    warm_up: float
    asks: list[Ask]


class Saw(msgspec.Struct, frozen=True):
    """What came back while it was measured; milliseconds from sending to the last byte."""

    requests: int
    seconds: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    statuses: dict[str, int]
    failures: int
    """Connections that broke, and answers that did not come."""
    cpu_us: float
    """Processor time of the load itself for a request."""


class Load:
    """All connections of a job, and what they have seen."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._asks = [_bytes(job, ask) for ask in job.asks]
        self._times: list[float] = []
        self._statuses: Counter[str] = Counter()
        self._failures = 0
        self._start = self._end = 0.0

    async def run(self) -> Saw:
        """Warm up, measure, tell."""
        self._start = time.perf_counter() + self._job.warm_up
        self._end = self._start + self._job.seconds
        used = time.process_time()
        sent = [self._connection(number) for number in range(self._job.connections)]
        await asyncio.gather(*sent)
        used = time.process_time() - used
        times = sorted(self._times)
        assert times, "nothing was answered"
        share = self._job.seconds / (self._job.seconds + self._job.warm_up)

        def part(percent: int) -> float:
            return round(1000 * percentile(times, percent), 2)

        return Saw(
            requests=len(times),
            seconds=self._job.seconds,
            p50_ms=part(50),
            p95_ms=part(95),
            p99_ms=part(99),
            max_ms=part(100),
            statuses=dict(self._statuses),
            failures=self._failures,
            cpu_us=round(1e6 * used * share / len(times), 1),
        )

    async def _connection(self, number: int) -> None:
        turn = number
        while time.perf_counter() < self._end:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    streams = await asyncio.open_connection(self._job.host, self._job.port)
                turn = await self._exchange(*streams, turn)
            except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
                self._failures += 1

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, turn: int
    ) -> int:
        """Send and read until the end of the time, or until the connection breaks."""
        try:
            while (sent := time.perf_counter()) < self._end:
                writer.write(self._asks[turn % len(self._asks)])
                turn += self._job.connections
                async with asyncio.timeout(ANSWER_SECONDS):
                    status = await _answer(reader)
                done = time.perf_counter()
                if sent >= self._start:
                    self._times.append(done - sent)
                    self._statuses[status] += 1
        finally:
            writer.close()
        return turn


async def _answer(reader: asyncio.StreamReader) -> str:
    """Read one answer to its end; its status."""
    head = await reader.readuntil(HEAD_END)
    at = head.lower().index(LENGTH) + len(LENGTH)
    await reader.readexactly(int(head[at : head.index(b"\r", at)]))
    return head[9:12].decode()


def _bytes(job: Job, ask: Ask) -> bytes:
    body = ask.body.encode()
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    head = f"{ask.method} {ask.path} HTTP/1.1\r\nHost: {job.host}:{job.port}\r\n{kind}\r\n"
    return head.encode() + body


def main() -> None:
    """Do the job of stdin."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4096), hard), hard))
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(Load(job).run())))


if __name__ == "__main__":
    main()
