"""How far logs go is asked for again while a broker comes back, and who leads in between."""

from collections.abc import Iterable
from concurrent.futures import Future
from typing import NamedTuple

import pytest
from confluent_kafka import (
    OFFSET_INVALID,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import OffsetSpec

from schemas.settings import Settings
from streams import ends
from streams.ends import BrokerEnds

FENCED = KafkaError.FENCED_LEADER_EPOCH
SILENT = KafkaError._TIMED_OUT  # noqa: SLF001 - there is no public name
REFUSED = KafkaError.TOPIC_AUTHORIZATION_FAILED


class Told(NamedTuple):
    """Where a log ends."""

    offset: int


class PaperAdmin:
    """Answers with these errors first, then with 7; `calls` are what it was asked.

    OFFSET_INVALID among them is no error, but what librdkafka answers where a leader is away.
    """

    def __init__(self, errors: Iterable[int]) -> None:
        self._errors = iter(errors)
        self.calls: list[str] = []
        self.levels: list[IsolationLevel] = []
        self.specs: list[object] = []

    def list_offsets(
        self, places: dict[TopicPartition, object], isolation_level: IsolationLevel, **_: float
    ) -> dict[TopicPartition, Future[Told]]:
        """Answer for each."""
        self.calls.append("ends")
        self.levels.append(isolation_level)
        self.specs += set(places.values())
        answer: Future[Told] = Future()
        code = next(self._errors, None)
        if code in {None, OFFSET_INVALID}:
            answer.set_result(Told(7 if code is None else OFFSET_INVALID))
        else:
            answer.set_exception(KafkaException(KafkaError(code)))
        return dict.fromkeys(places, answer)

    def list_topics(self, topic: str, timeout: float) -> None:
        """Learn who leads; the broker may not answer."""
        assert timeout > 0
        self.calls.append(topic)
        raise KafkaException(KafkaError(SILENT))


def ends_of(
    monkeypatch: pytest.MonkeyPatch, *errors: int, timeout: float = 20.0
) -> tuple[BrokerEnds, PaperAdmin]:
    """The ends that such a broker tells."""
    admin = PaperAdmin(errors)
    monkeypatch.setattr(ends, "AdminClient", lambda _: admin)
    return BrokerEnds(Settings(kafka_timeout=timeout)), admin


def test_it_learns_who_leads_before_it_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As often as the broker is not ready; also where nobody can tell."""
    asked, admin = ends_of(monkeypatch, FENCED, SILENT)
    assert asked.ask(["a"], 0, decided=True).answer() == {"a": 7}
    assert admin.calls == ["ends", "a", "ends", "a", "ends"]
    assert set(admin.levels) == {IsolationLevel.READ_COMMITTED}


def test_who_cannot_wait_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what would pass; the next question is a new one."""
    asked, admin = ends_of(monkeypatch, FENCED)
    with pytest.raises(KafkaException):
        asked.ask(["a"], 0, decided=True).answer(at_once=True)
    assert asked.ask(["a"], 0, decided=True).answer(at_once=True) == {"a": 7}
    assert admin.calls == ["ends", "ends"]


def test_the_question_goes_out_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anybody waits for the answer; altogether means committed or not."""
    asked, admin = ends_of(monkeypatch)
    question = asked.ask(["a", "b"], 0, decided=False)
    assert admin.calls == ["ends"]
    assert question.answer() == {"a": 7, "b": 7}
    assert admin.levels == [IsolationLevel.READ_UNCOMMITTED]


def test_both_ends_of_a_log_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it begins is asked for as its end is, and as often as a broker needs."""
    asked, admin = ends_of(monkeypatch, FENCED)
    assert asked.ask_begins(["a", "b"], 0).answer() == {"a": 7, "b": 7}
    assert admin.calls[:2] == ["ends", "a"]
    asked.ask(["a"], 0, decided=True).answer()
    earliest, latest = OffsetSpec.earliest(), OffsetSpec.latest()  # type: ignore[no-untyped-call]
    assert admin.specs == [earliest, earliest, latest]


def test_an_answer_without_an_offset_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken for an end it would be that of an empty log, whose results a claim would say again."""
    asked, admin = ends_of(monkeypatch, OFFSET_INVALID)
    assert asked.ask(["a"], 0, decided=True).answer() == {"a": 7}
    assert admin.calls == ["ends", "a", "ends"]


@pytest.mark.parametrize(
    ("error", "timeout"), [(REFUSED, 20.0), (FENCED, 1e-9), (OFFSET_INVALID, 1e-9)]
)
def test_what_does_not_pass_is_raised(
    monkeypatch: pytest.MonkeyPatch, error: int, timeout: float
) -> None:
    """Another error at once, and what should pass when the time is over."""
    asked, admin = ends_of(monkeypatch, error, timeout=timeout)
    with pytest.raises(KafkaException):
        asked.ask(["a"], 0, decided=True).answer()
    assert admin.calls == ["ends"]
