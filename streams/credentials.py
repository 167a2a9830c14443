"""Who a worker is to Kafka, as Faust wants to be told (aiokafka: producers.credentials)."""

from faust import SASLCredentials, SSLCredentials

from producers.credentials import ssl_context
from schemas.settings import Settings


def of_faust(settings: Settings) -> SASLCredentials | SSLCredentials | None:
    """What a Faust app is given; None for plain text."""
    protocol = settings.kafka_security_protocol
    if protocol is None or protocol == "PLAINTEXT":
        return None
    context = ssl_context(settings) if protocol.endswith("SSL") else None
    if not protocol.startswith("SASL"):
        return SSLCredentials(context)
    return SASLCredentials(
        mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_sasl_username,
        password=settings.kafka_sasl_password,
        ssl_context=context,
    )
