"""The order of a replay: one that agrees with every wallet's sequence, as the results recorded it.

Commands of one partition stay in the order of their log. Between partitions: a command that has
changed a wallet comes when the wallet is at the sequence before, and nobody is left who saw it
there; one that only saw a wallet comes when it is there; one that was silent, or refused as a
reused id, comes after the first answer to its id. Whoever can go, goes (Kahn): any such order
gives the same ledger.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from consumers.audit.results_log import Kind
from schemas.commands import Command
from schemas.decoding import Decoded, RefusedCommand, Unreadable
from streams.asked import Asked, Item
from streams.backlog import BATCH_BYTES, QUEUE_BYTES, bytes_of, fitting
from streams.deciding import reuse_key
from wallet.replay.failure import StuckFailure
from wallet.replay.recorded import Next, Recorded, Step

REMEMBERED: Final = 200_000
"""Ids whose first answer is remembered, as repetitions come soon; for others the database is asked.
Some 60 MB."""

LOOKAHEAD: Final = 20_000
"""So far unpublished commands are looked through for the one that others wait for, and no further
than QUEUE_BYTES of them."""


class Head:
    """The commands of one partition that are still to come; `spare` follow on the last recorded.

    Nothing is known of the spare ones: they may have been decided, but nothing said it.
    """

    def __init__(self, partition: int, commands: Iterator[Next], spare: Iterator[Item]) -> None:
        self.partition = partition
        self._commands = commands
        self._spare = spare
        self._seen: list[Item] = []
        self._seen_bytes = 0
        self.next = next(commands, None)

    def advance(self) -> None:
        """Go on to the command after."""
        self.next = next(self._commands, None)

    def spare_until(self, wanted: Callable[[Item], bool]) -> int:
        """How many spare commands there are up to the first that is wanted; 0 without one."""
        if self.next is not None:
            return 0
        for place, item in enumerate(self._looked_through(), 1):
            if wanted(item):
                return place
        return 0

    def take_spare(self, count: int) -> list[Next]:
        """The first so many spare commands, or as many as fit a statement: one at least."""
        records = [item.record for item in self._seen[:count]]
        count = max(1, fitting(records, BATCH_BYTES))
        taken, self._seen = self._seen[:count], self._seen[count:]
        self._seen_bytes -= bytes_of(records[:count])
        return [Next(self.partition, item, None, fresh=True) for item in taken]

    def _looked_through(self) -> Iterator[Item]:
        yield from list(self._seen)
        while self._has_room and (item := next(self._spare, None)) is not None:
            self._seen.append(item)
            self._seen_bytes += bytes_of((item.record,))
            yield item

    @property
    def _has_room(self) -> bool:
        return len(self._seen) < LOOKAHEAD and self._seen_bytes < QUEUE_BYTES


class Known:
    """Which ids have their first answer: what was replayed lately, and what the database holds."""

    def __init__(self, look_up: Callable[[list[str]], Mapping[str, str]]) -> None:
        self._look_up = look_up
        self._young: dict[str, str] = {}
        self._old: dict[str, str] = {}

    def add(self, key: str, fingerprint: str) -> None:
        """Remember an answer."""
        self._young.setdefault(key, fingerprint)
        if len(self._young) >= REMEMBERED:
            self._old, self._young = self._young, {}

    def has_first(self, command: Command | RefusedCommand) -> bool:
        """Whether any content has been answered under the command's id."""
        return self._fingerprint(command.key) is not None

    def has_this(self, command: Command | RefusedCommand) -> bool:
        """Whether this content has been answered, if only with a refusal."""
        found = self._fingerprint(command.key)
        if found is None or found == command.fingerprint:
            return found is not None
        return self._fingerprint(reuse_key(command)) is not None

    def _fingerprint(self, key: str) -> str | None:
        found = self._young.get(key) or self._old.get(key)
        if found is None:
            found = self._look_up([key]).get(key)
            if found is not None:
                self.add(key, found)
        return found


class Order:
    """Takes commands from the heads of all partitions as the record allows.

    `sequences` gives those of wallets that were there before the replay.
    """

    def __init__(
        self,
        heads: list[Head],
        watchers: dict[Step, int],
        known: Known,
        sequences: Callable[[str], int],
    ) -> None:
        self._heads = heads
        self._watchers = watchers
        self._known = known
        self._sequences = sequences
        self._now: dict[str, int] = {}
        self._room = 0

    def take(self, most: int) -> list[Next]:
        """The next commands, in order; none at the end. Raises StuckFailure.

        They are one statement, so they have BATCH_BYTES at most, or are one.
        """
        taken: list[Next] = []
        self._room = BATCH_BYTES
        share = max(1, most // len(self._heads))
        going = True
        while going and len(taken) < most:
            going = False
            for head in self._heads:
                found = self._take_from(head, min(share, most - len(taken)))
                going = going or bool(found)
                taken += found
        if not taken and any(head.next is not None for head in self._heads):
            return self._take_spare()
        return taken

    def learn(self, wallets: Mapping[str, int]) -> None:
        """Note the sequences that wallets have by now: those of fresh commands nobody recorded."""
        self._now.update(wallets)

    def now(self, wallet_id: str) -> int:
        """The sequence of a wallet at this point of the replay."""
        found = self._now.get(wallet_id)
        if found is None:
            found = self._now[wallet_id] = self._sequences(wallet_id)
        return found

    def _take_from(self, head: Head, most: int) -> list[Next]:
        taken: list[Next] = []
        while len(taken) < most and head.next is not None and self._is_ready(head.next):
            weight = bytes_of((head.next.item.record,))
            if weight > self._room < BATCH_BYTES:
                break
            self._room -= weight
            self._done(head.next)
            taken.append(head.next)
            head.advance()
        return taken

    def _is_ready(self, command: Next) -> bool:
        recorded = command.recorded
        if recorded is None:
            return self._was_silent(command.item.decoded)
        if recorded.kind is Kind.REUSED:
            return self._known.has_first(_readable(command.item.decoded))
        now, watchers = self.now, self._watchers
        for wallet_id, sequence in recorded.made:
            if now(wallet_id) != sequence - 1 or watchers.get((wallet_id, sequence - 1)):
                return False
        return all(now(wallet_id) == sequence for wallet_id, sequence in recorded.only_saw)

    def _was_silent(self, decoded: Decoded) -> bool:
        """Whether a command without an answer may come: its content must have one already."""
        return isinstance(decoded, Unreadable) or self._known.has_this(decoded)

    def _done(self, command: Next) -> None:
        recorded = command.recorded
        if recorded is None:
            return
        self._now.update(recorded.made)
        watchers = self._watchers
        for step in recorded.only_saw:
            left = watchers[step] - 1
            if left:
                watchers[step] = left
            else:
                del watchers[step]
        decoded = _readable(command.item.decoded)
        reused = recorded.kind is Kind.REUSED
        self._known.add(reuse_key(decoded) if reused else decoded.key, decoded.fingerprint)

    def _take_spare(self) -> list[Next]:
        """What comes before what is recorded, but was never published itself.

        A worker may have committed a batch and died before it published it, while others went on
        with the wallets of that batch, and published. Then the database was lost.
        """
        wanted = self._awaited_wallets()

        def moves_one(item: Item) -> bool:
            asked = Asked()
            asked.add(item.record, item.decoded)
            return not wanted.isdisjoint(asked.wallet_ids)

        counts = [(count, head) for head in self._heads if (count := head.spare_until(moves_one))]
        if not counts:
            raise StuckFailure(self._why())
        count, head = min(counts, key=lambda pair: pair[0])
        return head.take_spare(count)

    def _awaited_wallets(self) -> set[str]:
        """The wallets that must have changed before anything that is recorded can come."""
        return {
            wallet_id
            for head in self._heads
            if head.next is not None and head.next.recorded is not None
            for wallet_id, sequence in _wanted(head.next.recorded)
            if self.now(wallet_id) < sequence
        }

    def _why(self) -> str:
        waiting = "; ".join(self._waits(h.next) for h in self._heads if h.next is not None)
        return (
            f"the record allows no next command: {waiting}. If partitions or offsets were left"
            " out, replay them too; else the log has a gap, and `wallet verify` says where"
        )

    def _waits(self, command: Next) -> str:
        """What a command waits for, in words."""
        where = f"{command.partition}:{command.item.record.offset}"
        if command.recorded is None or command.recorded.kind is Kind.REUSED:
            return f"{where} waits for the first answer to its id"
        wanted = [
            f"wallet {wallet_id} at {sequence} (it is at {self.now(wallet_id)}"
            f"{', still to be seen so' if self._watchers.get((wallet_id, sequence)) else ''})"
            for wallet_id, sequence in _wanted(command.recorded)
        ]
        return f"{where} waits for {', '.join(wanted)}"


def _wanted(recorded: Recorded) -> list[Step]:
    """Where a command's wallets must be before it."""
    made = [(wallet_id, sequence - 1) for wallet_id, sequence in recorded.made]
    return [*made, *recorded.only_saw]


def _readable(decoded: Decoded) -> Command | RefusedCommand:
    if isinstance(decoded, Unreadable):
        raise StuckFailure(f"the record has an answer to what cannot be read: {decoded.reason}")
    return decoded
