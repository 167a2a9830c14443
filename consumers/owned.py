"""The partitions of a topic that this process owns within its group, each followed from its end.

No offset is kept. Whoever gains a partition has its state in PostgreSQL, and loads it from there
after the end was fixed: so between the state and the records that follow there is no hole.
"""

from collections.abc import Callable, Mapping

from confluent_kafka import Consumer, Message

from consumers.kit.member import Member
from producers.bounds import bounds
from schemas.settings import Settings
from schemas.topics import Topic

Told = Callable[[list[int]], None]
"""Takes partition numbers, sorted, never none."""


class Owned:
    """Members of one group share the partitions of a topic; each reads its own from their end.

    `gained` is called once the ends of new partitions are fixed and before a record of them is
    given: here the state is loaded. `lost` is called when they are others'. Both run inside
    poll() and close(), in the caller's thread, and what they raise comes out there. For `slot` see
    Member.
    """

    def __init__(
        self,
        settings: Settings,
        topic: Topic,
        group: str,
        gained: Told,
        lost: Told,
        *,
        slot: str | None = None,
    ) -> None:
        ends = _Ends(topic.name, settings.kafka_timeout, gained, lost)
        # A reset: only where the log was cut under our feet. What we missed is in PostgreSQL.
        changes = {"auto.offset.reset": "latest"}
        self._member = Member(settings, topic, group, ends, slot=slot, changes=changes)

    @property
    def partitions(self) -> set[int]:
        """The partitions that are ours now."""
        return self._member.partitions

    def poll(self, timeout: float) -> list[Message]:
        """The records since the last poll, as Member gives them. Raises KafkaException."""
        return self._member.poll(timeout)

    def close(self) -> None:
        """Leave the group; partitions that are ours are told as lost."""
        self._member.close()


class _Ends:
    """Begins with what comes next."""

    def __init__(self, topic: str, timeout: float, gained: Told, lost: Told) -> None:
        self._topic = topic
        self._timeout = timeout
        self.gained = gained
        self.lost = lost

    def begin(self, consumer: Consumer, partitions: list[int]) -> Mapping[int, int]:
        """The ends they have now."""
        return {
            number: bounds(consumer, self._topic, number, self._timeout).high
            for number in partitions
        }

    def leaving(self, partitions: list[int]) -> None:
        """Nothing is kept that could be saved before they go."""
        self.lost(partitions)
