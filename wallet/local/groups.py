"""Who has which partitions of a topic: what Kafka says of a consumer group's members."""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

ANSWER_SECONDS = 1.0


def partitions_of(admin: AdminClient, group: str) -> dict[str, frozenset[int]]:
    """Give the members of a group and their partitions; none where Kafka does not say.

    A member that was started again has another id, though it kept its slot.
    """
    answer = admin.describe_consumer_groups([group], request_timeout=ANSWER_SECONDS)[group]
    try:
        members = answer.result(ANSWER_SECONDS * 2).members
    except (KafkaException, TimeoutError):
        return {}
    return {
        member.member_id: frozenset(place.partition for place in member.assignment.topic_partitions)
        for member in members
    }
