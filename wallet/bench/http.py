"""`wallet bench http`: requests a second of a gateway, and how long they take.

On a scratch ledger with workers and a gateway of its own; the load is a process of its own. A
charge sale is answered when it is committed and its result was read back from Kafka. The ratio is
to a bare aiohttp server under the same load, right before.
"""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NamedTuple

import msgspec
import psutil

from schemas.settings import Settings
from wallet.bench.arms import begin
from wallet.bench.django_peer import django_peer
from wallet.bench.http_load import Ask, Job, Saw
from wallet.bench.processes import WORKER, Watch, process, worker_process
from wallet.bench.scratch import scratch_ledger
from wallet.failure import Failure, Tell
from wallet.local import ports

SELLERS: Final = 200
CREDIT: Final = "100000000.00"
WARM_UP: Final = 2.0
ANSWER_SECONDS: Final = 30.0
START_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.1
LOAD: Final = (sys.executable, "-m", "wallet.bench.http_load")
ECHO: Final = (sys.executable, "-m", "wallet.bench.http_echo")
GATEWAY: Final = (sys.executable, "-m", "wallet.cli", "gateway", "--port")

Figures = dict[str, Any]


class Wanted(NamedTuple):
    """What is to be measured."""

    connections: tuple[int, ...]
    seconds: float
    workers: int
    gateways: int
    """Processes of the gateway that share one port."""
    peer: bool = False
    """Whether a Django service is measured beside it."""


class Server(NamedTuple):
    """A server that listens, and what its processes take."""

    host: str
    port: int
    watches: list[Watch]


def measure(settings: Settings, wanted: Wanted, tell: Tell) -> Figures:
    """Run it all; the figures by name. Raises Failure when something does not start."""
    index = begin(settings, tell)
    # The paces of people would be measured instead.
    unpaced = settings.model_copy(update={"http_rate": 0, "http_address_rate": 0})
    with scratch_ledger(unpaced, "bench") as ledger, ExitStack() as stack:
        watches = [
            stack.enter_context(worker_process(ledger, (*WORKER, f"bench-{slot}"), slot))
            for slot in range(1, wanted.workers + 1)
        ]
        echo = stack.enter_context(_server(ledger, ECHO, 1))
        gateway = stack.enter_context(_server(ledger, GATEWAY, wanted.gateways))
        sellers = _sellers(gateway, tell)
        wallets = [_call(gateway, "POST", "/wallets/", None)["uuid"] for _ in range(SELLERS)]
        sales = [Ask("POST", "/api/charge-sales/", json.dumps(_sale(seller))) for seller in sellers]
        looks = [Ask("GET", f"/wallets/{wallet}/") for wallet in wallets]
        peer = stack.enter_context(_django(ledger, tell)) if wanted.peer else None
        rounds = []
        for count in wanted.connections:
            for name, asks in (("charge sale", sales), ("get wallet", looks)):
                servers = (echo, gateway)
                found = _round(name, asks, count, wanted.seconds, servers, watches, tell)
                beside = _beside(peer, found, wanted.seconds, tell) if peer else {}
                rounds.append(found | beside)
    shown = {"workers": wanted.workers, "gateways": wanted.gateways, "seconds": wanted.seconds}
    return {**shown, "rounds": rounds, "machine": index.end()._asdict()}


def _sale(seller: int) -> Figures:
    return {"seller_id": seller, "phone_number": "09121234567", "amount": "1.00"}


def _round(  # noqa: PLR0913, PLR0917 - what one round needs
    name: str,
    asks: Sequence[Ask],
    connections: int,
    seconds: float,
    servers: tuple[Server, Server],
    workers: Sequence[Watch],
    tell: Tell,
) -> Figures:
    """The same load on the bare server, then on the gateway."""
    bare_server, gateway = servers
    bare, _ = _loaded(bare_server, asks, connections, min(seconds, 5.0), [])
    seen, worker_us = _loaded(gateway, asks, connections, seconds, workers)
    speed = seen["requests_per_second"]
    found = {
        "request": name,
        "connections": connections,
        **seen,
        "worker_cpu_us": worker_us,
        "bare_per_second": bare["requests_per_second"],
        "bare_cpu_us": bare["server_cpu_us"],
        "ratio_to_bare": round(speed / bare["requests_per_second"], 3),
    }
    tell(
        f"{name}, {connections} connections: {speed:,.0f}/s, p50 {seen['p50_ms']} ms, "
        f"p99 {seen['p99_ms']} ms, gateway {seen['server_cpu_us']:.0f} us a request"
    )
    return found


def _beside(peer: Server, ours: Figures, seconds: float, tell: Tell) -> Figures:
    """The same of a Django service, right after."""
    if ours["request"] == "charge sale":
        asks = [
            Ask("POST", "/api/charge-sales/", json.dumps(_sale(number)))
            for number in range(1, SELLERS + 1)
        ]
    else:
        asks = [Ask("GET", f"/api/sellers/{n}/balance/") for n in range(1, SELLERS + 1)]
    seen, _ = _loaded(peer, asks, ours["connections"], seconds, [])
    tell(f"  Django: {seen['requests_per_second']:,.0f}/s, p99 {seen['p99_ms']} ms")
    names = ("requests_per_second", "p50_ms", "p99_ms", "errors", "server_cpu_us")
    ratio = ours["requests_per_second"] / seen["requests_per_second"]
    return {**{f"django_{each}": seen[each] for each in names}, "ratio_to_django": round(ratio, 3)}


@contextmanager
def _django(ledger: Settings, tell: Tell) -> Iterator[Server]:
    with django_peer(ledger, SELLERS, CREDIT, tell) as (port, watches):
        _await_listening(watches, port, "the Django peer")
        server = Server(ports.HOST, port, watches)
        _call(server, "GET", "/api/sellers/1/balance/", None)  # its processes are loaded by now
        yield server


def _loaded(
    server: Server,
    asks: Sequence[Ask],
    connections: int,
    seconds: float,
    workers: Sequence[Watch],
) -> tuple[Figures, float]:
    """Load a server; what was seen, and what the workers took for a request meanwhile."""
    job = Job(server.host, server.port, connections, seconds, WARM_UP, list(asks))
    before = [_used(server.watches), _used(workers)]
    done = subprocess.run(  # noqa: S603 - our own program
        LOAD,
        input=msgspec.json.encode(job),
        capture_output=True,
        check=False,
        timeout=seconds + WARM_UP + 2 * ANSWER_SECONDS,
    )
    if done.returncode:
        raise Failure(f"the load ended with {done.returncode}: {done.stderr.decode()[-500:]}")
    saw = msgspec.json.decode(done.stdout, type=Saw)
    # The warm-up is part of what the processes took.
    share = 1e6 * seconds / (seconds + WARM_UP) / saw.requests
    own = (_used(server.watches) - before[0]) * share
    others = (_used(workers) - before[1]) * share
    refused = sum(n for status, n in saw.statuses.items() if not status.startswith("2"))
    figures = {
        "requests_per_second": round(saw.requests / saw.seconds, 1),
        "p50_ms": saw.p50_ms,
        "p95_ms": saw.p95_ms,
        "p99_ms": saw.p99_ms,
        "max_ms": saw.max_ms,
        "errors": refused + saw.failures,
        "statuses": saw.statuses,
        "server_cpu_us": round(own, 1),
        "load_cpu_us": saw.cpu_us,
    }
    return figures, round(others, 1)


def _used(watches: Sequence[Watch]) -> float:
    """Processor time of processes and their children until now, seconds."""
    try:
        roots = [psutil.Process(watch.pid) for watch in watches]
        family = [each for root in roots for each in (root, *root.children(recursive=True))]
        times = [each.cpu_times() for each in family]
    except psutil.NoSuchProcess:
        raise Failure("a process of the bench has ended; see above") from None
    return sum(each.user + each.system for each in times)


@contextmanager
def _server(ledger: Settings, argv: Sequence[str], count: int) -> Iterator[Server]:
    """So many processes that listen on one port. Raises Failure when they do not."""
    port = ports.free()
    shared = ("--share-port",) if count > 1 else ()
    with ExitStack() as stack:
        watches = [
            stack.enter_context(process(ledger, (*argv, str(port), *shared), {}))
            for _ in range(count)
        ]
        _await_listening(watches, port, " ".join(argv[1:]))
        yield Server(ports.HOST, port, watches)


def _await_listening(watches: Sequence[Watch], port: int, name: str) -> None:
    """Wait until all of them do. Raises Failure."""
    deadline = time.monotonic() + START_SECONDS
    while any(not _listens(watch, port) for watch in watches):
        if time.monotonic() > deadline:
            raise Failure(f"{name} does not listen in time")
        time.sleep(LOOK_SECONDS)  # a process that begins to listen tells nobody


def _listens(watch: Watch, port: int) -> bool:
    """Whether a process listens on a port."""
    try:
        found = psutil.Process(watch.pid).net_connections(kind="tcp4")
    except psutil.NoSuchProcess:
        raise Failure("a server of the bench has ended; see above") from None
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in found)


def _sellers(gateway: Server, tell: Tell) -> list[int]:
    """Sellers with more credit than they can sell."""
    found = []
    for number in range(SELLERS):
        profile = {
            "name": f"Seller {number}",
            "email": f"seller{number}@bench.example",
            "phone": f"0912{number:07}",
        }
        seller = _call(gateway, "POST", "/api/sellers/", profile)["id"]
        wanted = {"seller": seller, "amount": CREDIT}
        request = _call(gateway, "POST", "/api/credit-requests/", wanted)["id"]
        path = f"/api/credit-requests/{request}/process/"
        _call(gateway, "POST", path, {"action": "approve"})
        found.append(seller)
    tell(f"{len(found)} sellers have credit")
    return found


def _call(server: Server, method: str, path: str, body: Figures | None) -> Figures:
    """Ask once for what is to be made. Raises Failure."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=ANSWER_SECONDS)
    deadline = time.monotonic() + START_SECONDS
    try:
        while True:
            said = None if body is None else json.dumps(body)
            kind = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, said, kind)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status in {200, 201}:
                found: Figures = json.loads(text)
                return found
            if answer.status < 500 or time.monotonic() > deadline:  # noqa: PLR2004 - HTTP's own
                raise Failure(f"{method} {path}: {answer.status} {text.decode()[:500]}")
            time.sleep(LOOK_SECONDS)  # the workers are being started
    finally:
        connection.close()
