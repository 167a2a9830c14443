"""Has all balances published again, from the first event on: the group's offsets are moved back.

The processes themselves see to it that nothing old follows something newer.
"""

import time
from typing import Final

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from consumers.balances.process import GROUP
from consumers.failure import RecordsError
from schemas.settings import Settings

WAIT_SECONDS: Final = 10.0
"""A member that has just ended is missed by its group after six seconds."""

PAUSE_SECONDS: Final = 0.5
ANSWER_SECONDS: Final = 5.0


def begin_again(settings: Settings) -> None:
    """Move the group back to the first event.

    Raises RecordsError when Kafka refuses, as it does while a process of the group is running.
    """
    admin = AdminClient({**settings.kafka_client(), "log_level": 0})
    group = f"{settings.application}-{GROUP}"
    topic = settings.topics.events
    places = [TopicPartition(topic.name, number, 0) for number in range(topic.partitions)]
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            _alter(admin, group, places)
        except KafkaException as error:
            if time.monotonic() > deadline:
                raise RecordsError(
                    f"the group {group} cannot be moved back: {error.args[0].str()};"
                    " end all processes `wallet balances` first"
                ) from error
            time.sleep(PAUSE_SECONDS)  # nobody tells when the group has lost its last member
        else:
            return


def _alter(admin: AdminClient, group: str, places: list[TopicPartition]) -> None:
    asked = [ConsumerGroupTopicPartitions(group, places)]
    answer = admin.alter_consumer_group_offsets(asked, request_timeout=ANSWER_SECONDS)[group]
    for place in answer.result(ANSWER_SECONDS * 2).topic_partitions:
        if place.error is not None:
            raise KafkaException(place.error)
