"""Where a replay may begin in the middle: a cut through all partitions that holds together.

What comes before the cut is copied from the first ledger, whose journal keeps everything; what
comes after is replayed. No command before it may have found what one after it has made.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from consumers.audit.snapshot import Snapshot
from schemas.settings import Settings
from wallet.failure import Failure, UsageFailure
from wallet.replay.reading import Logs

NEVER_MS: Final = 2**53
"""A moment after all others, in milliseconds since 1970."""
ROUNDS: Final = 1000
"""Each moves the cut back by a command at least; a lag of hours needs some ten."""

BEFORE: Final = """c."offset" < ('{cut}'::bigint[])[c.partition + 1]"""
"""SQL: whether a row c of commands comes before a cut."""

# What a command after the cut has made or only seen of a wallet is not older than the cut's state.
# A refusal may repeat a NUL of its sender's, over which PostgreSQL reads no JSON.
_TORN: Final = r"""
WITH after AS (
    SELECT s.key::uuid AS account_id, min(s.value::bigint) AS first
    FROM commands AS c,
        json_each_text(replace(c.result, '\u0000', '\u0020')::json -> 'sequences') AS s
    WHERE NOT {before} GROUP BY 1
)
SELECT c.partition, min(c."offset")
FROM after AS a
JOIN entries AS e ON e.account_id = a.account_id AND e.sequence > a.first
JOIN commands AS c USING (transaction_id)
WHERE {before} GROUP BY 1
"""


class From(msgspec.Struct, frozen=True):
    """Where a replay is to begin: at offsets, at a time; the earlier of both where both are said.

    Partitions that are not named begin at the moment at which the named ones do.
    """

    offsets: Mapping[int, int] = {}
    time: datetime | None = None

    @property
    def is_beginning(self) -> bool:
        """Whether nothing is said: then it begins with the first command."""
        return not self.offsets and self.time is None


def cut(settings: Settings, first: Snapshot, start: From, ends: Mapping[int, int]) -> list[int]:
    """The first offset to replay of each partition: the latest cut that is not after `start`.

    Raises Failure where commands from there on have expired, UsageFailure where none ever came.
    """
    for partition, at in start.offsets.items():
        if at > ends[partition]:
            raise UsageFailure(
                f"--from-offset {partition}:{at}: the ledger has come to offset {ends[partition]}"
            )
    found = _asked_for(settings, start, ends)
    for _ in range(ROUNDS):
        torn = dict(first.all(_TORN.format(before=before(found))))
        if not torn:
            return found
        found = [min(at, torn.get(partition, at)) for partition, at in enumerate(found)]
    raise Failure(f"no cut before {found} holds together; replay from an earlier one")


def before(found: list[int]) -> str:
    """SQL: whether a row c of commands comes before this cut."""
    return BEFORE.format(cut="{" + ",".join(map(str, found)) + "}")


def since(settings: Settings, found: list[int]) -> int:
    """The moment of the first command after a cut, in milliseconds since 1970."""
    topic = settings.topics.commands.name
    with Logs(settings) as logs:
        moments = [logs.time_of(topic, partition, at) for partition, at in enumerate(found)]
    return min((each for each in moments if each is not None), default=NEVER_MS)


def _asked_for(settings: Settings, start: From, ends: Mapping[int, int]) -> list[int]:
    """The place to begin at in each partition, as it is wished for."""
    topic = settings.topics.commands.name
    with Logs(settings) as logs:
        moments = [logs.time_of(topic, p, at) for p, at in start.offsets.items()]
        if start.time is not None:
            moments.append(int(start.time.timestamp() * 1000))
        moment = min((each for each in moments if each is not None), default=None)
        begin = {
            p: ends[p] if moment is None else logs.at_time(topic, p, moment)
            for p in range(settings.partitions)
        }
    return [min(start.offsets.get(p, at), ends[p]) for p, at in begin.items()]
