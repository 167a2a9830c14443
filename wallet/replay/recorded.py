"""What the results topic has recorded of each command: its answer, and what it looked at."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from confluent_kafka import Message

from consumers.audit.results_log import Kind, position, read_claim
from producers.headers import headers_of
from schemas.decoding import decode
from schemas.settings import Settings
from streams.asked import Item
from wallet.failure import Failure
from wallet.replay.reading import Span, record_of, runs

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

Step = tuple[str, int]
"""A wallet at a sequence."""


class Recorded(NamedTuple):
    """The answer to the command at an offset; `kind` says which of the wallets it changed.

    `steps` are the wallets it looked at, own first, each at its sequence after the command.
    """

    offset: int
    kind: Kind
    steps: tuple[Step, ...]
    recorded_at: str
    value: bytes

    @property
    def recorded_at_ms(self) -> int:
        """The ledger's time of the command, in milliseconds since 1970."""
        return (datetime.fromisoformat(self.recorded_at) - _EPOCH) // _MILLISECOND

    @property
    def made(self) -> tuple[Step, ...]:
        """The steps that the command made."""
        if self.kind is Kind.COMPLETED:
            return self.steps
        return self.steps[:1] if self.kind is Kind.OWN_ONLY else ()

    @property
    def only_saw(self) -> tuple[Step, ...]:
        """The steps that it found, and left as they were."""
        if self.kind is Kind.COMPLETED:
            return ()
        return self.steps[1:] if self.kind is Kind.OWN_ONLY else self.steps


class Next(NamedTuple):
    """A command to replay. Without `recorded` it was silent, or, where `fresh`, never published."""

    partition: int
    item: Item
    recorded: Recorded | None
    fresh: bool = False


def recorded(settings: Settings, span: Span, first: int, end: int) -> Iterator[Recorded]:
    """The answers to the commands at offsets from `first` on and before `end`, in order.

    `span` is where they are looked for in the results topic. Raises Failure on what is no result.
    """
    for run in runs(settings, span, committed=True):
        for message in run:
            found = _read(message, span)
            if first <= found.offset < end:
                yield found


def _read(message: Message, span: Span) -> Recorded:
    value = message.value() or b""
    try:
        claim = read_claim(value)
    except (ValueError, RecursionError) as error:
        where = f"{span.topic}[{span.partition}] at {message.offset()}"
        raise Failure(f"{where} is no result: {error}") from error
    return Recorded(
        claim.command.offset,
        claim.kind(),
        tuple(claim.sequences.items()),
        claim.recorded_at,
        value,
    )


def source_offset(message: Message) -> int:
    """The offset of the command that a result answers, or a dead letter was; -1 without one."""
    found = position(dict(headers_of(message) or ()).get("src"))
    return -1 if found is None else found[1]


def event_number(message: Message) -> int:
    """The number of an event on its partition; -1 without one."""
    said = dict(headers_of(message) or ()).get("number")
    return int(said) if isinstance(said, bytes) else -1


class Survey:
    """All that must be known before the first command: who still sees a wallet as it is.

    A command that changes a wallet comes after all that saw it unchanged. Those are looked for in
    the whole record first: some hundred bytes for each refusal, and for each wallet that a
    withdrawal names as its target.
    """

    def __init__(self) -> None:
        self.watchers: dict[Step, int] = {}
        self.answered = 0

    def take(self, answers: Iterable[Recorded]) -> None:
        """Count the steps that these only saw."""
        watchers = self.watchers
        for each in answers:
            self.answered += 1
            for step in each.only_saw:
                watchers[step] = watchers.get(step, 0) + 1

    def left(self) -> Mapping[Step, int]:
        """Steps that somebody has still to see."""
        return self.watchers


def commands(settings: Settings, span: Span, answers: Iterator[Recorded]) -> Iterator[Next]:
    """The commands of a span, each with its answer; `answers` are those of the span, in order.

    Raises Failure where there is an answer and no command.
    """
    answer = next(answers, None)
    for item in items(settings, span):
        offset = item.record.offset
        _refuse_orphan(answer, offset, span)
        if answer is not None and answer.offset == offset:
            yield Next(span.partition, item, answer)
            answer = next(answers, None)
        else:
            yield Next(span.partition, item, None)
    _refuse_orphan(answer, span.end, span)


def items(settings: Settings, span: Span) -> Iterator[Item]:
    """The commands of a span, decoded."""
    for run in runs(settings, span, committed=False):
        for message in run:
            record = record_of(settings, message)
            yield Item(record, decode(record.key, record.value, record.headers))


def _refuse_orphan(answer: Recorded | None, offset: int, span: Span) -> None:
    if answer is not None and answer.offset < offset:
        where = f"{span.topic}[{span.partition}]"
        raise Failure(f"the command at {answer.offset} of {where} has a result, but is not there")
