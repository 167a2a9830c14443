"""The fault `cut`: the ways to Kafka and PostgreSQL break, in every manner that networks have."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random
from typing import ClassVar, Final, NamedTuple

from wallet.local import postgres
from wallet.torture.faults import FaultError, Ground, Needs, Stage, Struck
from wallet.torture.proxy import Proxy
from wallet.torture.proxy_links import Held, Side

END_TXN: Final = 26
SHORT: Final = (0.5, 3.0)
LONG: Final = (3.0, 12.0)
"""Seconds, some of them longer than the group's session of 6 s and libpq's keepalives of 11 s."""
LATE: Final = 22.0
"""Later than `kafka_timeout`: the worker has given up and exited when its EndTxn arrives."""
HELD_SECONDS: Final = 20.0
ALONE_SECONDS: Final = 75.0
"""Within so long a process finds out by itself that nobody hears it, or exits: the watchdog after
30 s, clients of Kafka after 30 or 60."""


class Blow(NamedTuple):
    """One way to break a connection: does it, and gives for how many seconds it lasts."""

    what: str
    begin: Callable[[Proxy, Random], float]
    is_cut_after: bool = False
    """Whether all connections are cut in the end, with what was held back."""
    is_held: bool = False
    """Whether it waits for something to hold back, before its seconds begin."""
    is_awaited: bool = False
    """Whether everything must move again before it is healed: nobody comes to heal it."""


def _cut_all(proxy: Proxy, _: Random) -> float:
    proxy.cut_all()
    return 0.0


def _cut_half(proxy: Proxy, dice: Random) -> float:
    # How many connections there are is no matter of the seed: their dice are their own.
    proxy.cut(Random(dice.getrandbits(32)), 0.5)  # noqa: S311 - chance that repeats
    return 0.0


def _refuse(proxy: Proxy, dice: Random) -> float:
    proxy.refuse(wanted=True)
    proxy.cut_all()
    return dice.uniform(*LONG)


def _freeze(*sides: Side) -> Callable[[Proxy, Random], float]:
    def freeze(proxy: Proxy, dice: Random) -> float:
        proxy.freeze(*sides)
        return dice.uniform(*LONG)

    return freeze


def _lose_answers(proxy: Proxy, dice: Random) -> float:
    """Answers are held back, then lost: what was asked for has happened, and nobody knows."""
    proxy.freeze(Side.TO_CLIENT)
    proxy.refuse(wanted=True)
    return dice.uniform(*SHORT)


def _deafen(proxy: Proxy, dice: Random) -> float:
    proxy.deafen()
    return dice.uniform(*LONG)


def _deafen_for_good(proxy: Proxy, _: Random) -> float:
    proxy.deafen()
    return 0.0


def _delay(proxy: Proxy, dice: Random) -> float:
    proxy.slow(dice.uniform(0.02, 0.3))
    return dice.uniform(*LONG)


def _narrow(proxy: Proxy, dice: Random) -> float:
    proxy.slow(0.0, dice.choice((20_000, 100_000)))
    return dice.uniform(*LONG)


def _hold(
    side: Side, seconds: float, *, is_lost: bool, key: int | None = None
) -> Callable[[Proxy, Random], float]:
    def hold(proxy: Proxy, dice: Random) -> float:
        count = dice.randint(1, 3)
        proxy.hold(*[Held(side, seconds, is_lost, key)] * count)
        return seconds

    return hold


ANY: Final = (
    Blow("all connections cut", _cut_all),
    Blow("half of the connections cut", _cut_half),
    Blow("cut off, and no way back for a while", _refuse),
    Blow("half-open: nothing passes", _freeze(*Side)),
    Blow("half-open: no answer passes", _freeze(Side.TO_CLIENT)),
    Blow("half-open: no request passes", _freeze(Side.TO_SERVER)),
    Blow("answers held back, then lost", _lose_answers, is_cut_after=True),
    Blow("connections gone deaf, new ones well", _deafen),
    Blow("connections gone deaf for good", _deafen_for_good, is_awaited=True),
    Blow("every piece late", _delay),
    Blow("hardly any room on the way", _narrow),
)
OF_KAFKA: Final = (
    Blow("EndTxn late", _hold(Side.TO_SERVER, 2.0, is_lost=False, key=END_TXN), is_held=True),
    Blow(
        "EndTxn later than its worker",
        _hold(Side.TO_SERVER, LATE, is_lost=False, key=END_TXN),
        is_held=True,
    ),
    Blow("EndTxn lost", _hold(Side.TO_SERVER, 0.0, is_lost=True, key=END_TXN), is_held=True),
    Blow(
        "EndTxn's answer late", _hold(Side.TO_CLIENT, 2.0, is_lost=False, key=END_TXN), is_held=True
    ),
    Blow(
        "EndTxn's answer lost", _hold(Side.TO_CLIENT, 0.0, is_lost=True, key=END_TXN), is_held=True
    ),
)
OF_POSTGRES: Final = (
    Blow("COMMIT late", _hold(Side.TO_SERVER, 2.0, is_lost=False), is_held=True),
    Blow("COMMIT lost", _hold(Side.TO_SERVER, 0.0, is_lost=True), is_held=True),
    Blow("COMMIT's answer late", _hold(Side.TO_CLIENT, 4.0, is_lost=False), is_held=True),
    Blow("COMMIT's answer lost", _hold(Side.TO_CLIENT, 0.0, is_lost=True), is_held=True),
)
BLOWS: Final = (
    *(("kafka", blow) for blow in (*ANY, *OF_KAFKA)),
    *(("postgres", blow) for blow in (*ANY, *OF_POSTGRES)),
)


class Cut:
    """Connections cut, delayed, half-open, narrow; commits and their answers held back or lost."""

    name: ClassVar[str] = "cut"
    weight: ClassVar[int] = 4

    def __init__(self) -> None:
        self._proxies: dict[str, Proxy] = {}
        self._bag: list[tuple[str, Blow]] = []

    def prepare(self, ground: Ground) -> Needs:
        """Stand between our processes and both servers."""
        kafka = Proxy(ground.kafka_port, is_kafka=True).start()
        self._proxies["kafka"] = kafka
        database = Proxy(ground.postgres_port, is_kafka=False).start()
        self._proxies["postgres"] = database
        return Needs(
            processes={
                "WALLET_KAFKA_BOOTSTRAP": kafka.address,
                "WALLET_DATABASE_URL": postgres.url(database.port),
            }
        )

    def strike(self, stage: Stage, dice: Random) -> Struck:
        """One way of breaking; all of them come before one comes again."""
        if not self._bag:
            self._bag = dice.sample(BLOWS, len(BLOWS))
        server, blow = self._bag.pop()
        return self.blow(stage, dice, server, blow)

    def blow(self, stage: Stage, dice: Random, server: str, blow: Blow) -> Struck:
        """Break the way to a server in this manner, and heal it. Raises FaultError."""
        proxy = self._proxies[server]
        before = proxy.counts
        try:
            seconds = blow.begin(proxy, dice)
            if blow.is_held:
                _await_held(stage, proxy)
            stage.pause(seconds)
            if blow.is_awaited:
                seconds += stage.await_progress(ALONE_SECONDS)
            if blow.is_cut_after:
                proxy.cut_all()
        except (OSError, TimeoutError) as error:
            raise FaultError(f"the proxy before {server} does not obey: {error!r}") from error
        finally:
            proxy.heal()
        did = proxy.counts - before
        what = f"{server}: {blow.what}, {seconds:.1f} s"
        return Struck(what, _figures(server, did), sort=server)

    def close(self) -> None:
        """End both proxies."""
        for proxy in self._proxies.values():
            proxy.stop()
        self._proxies.clear()


def _await_held(stage: Stage, proxy: Proxy) -> None:
    """Wait until all that is to be held back is, or nothing of the kind comes by."""
    with suppress(FaultError):
        stage.wait_until(lambda: not proxy.waits, HELD_SECONDS, "request to hold back")


def _figures(server: str, did: Mapping[str, int]) -> dict[str, int]:
    """What of it belongs into the verdict."""
    broken = sum(did.get(name, 0) for name in ("cut", "deaf", "refused"))
    return {
        f"ways broken, {server}": 1,
        "connections lost": broken,
        "held back": did.get("held", 0),
    }
