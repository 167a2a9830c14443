"""Why Kafka does not answer: asked once more by a client of its own that listens to the reasons.

librdkafka tries again in silence, whatever is the matter; a request then says no more than that it
was not answered. A wrong password, a certificate nobody vouches for and plain text to a listener
with TLS look like a broker that is down.
"""

import re
import socket
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from schemas.settings import Settings

ASK_SECONDS: Final = 3.0
CONNECT_SECONDS: Final = 1.0

ABSENT: Final = "start a local one with `wallet up`, or name yours in WALLET_KAFKA_BOOTSTRAP"
_SASL: Final = (
    "see WALLET_KAFKA_SASL_MECHANISM, WALLET_KAFKA_SASL_USERNAME, WALLET_KAFKA_SASL_PASSWORD"
)
_CERTIFICATE: Final = "see WALLET_KAFKA_SSL_CA_LOCATION, and whether the name is the certificate's"
_PROTOCOL: Final = "see WALLET_KAFKA_SECURITY_PROTOCOL, and whether the port is of that listener"
_SHOWN: Final = "see WALLET_KAFKA_SSL_CERTIFICATE_LOCATION and WALLET_KAFKA_SSL_KEY_LOCATION"

_NOISE: Final = re.compile(r"^\w+://\S+: | \(after \d+ms in state \w+\)|error:[0-9A-F]+:")
"""Which connection it was, and how long: of no use to whoever reads it."""


def refused_name(error: KafkaError | None) -> str | None:
    """What to do about a topic's error when it is that we may not see it; None otherwise."""
    if error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        return "this user may not see the topic: docs/OPERATING.md has the rights of each process"
    return None


def why(settings: Settings, seconds: float = ASK_SECONDS) -> str:
    """What is the matter and what to do about it, as the end of a sentence; takes up to `seconds`.

    Where nothing is known, or it answers now, what is usual: nothing is there.
    """
    heard: list[KafkaError] = []
    try:
        given: dict[str, Any] = {"error_cb": heard.append, "log_level": 0}
        asking = AdminClient({**settings.kafka_client(), **given})
    except KafkaException as error:
        return f"{error.args[0].str()}: see the WALLET_KAFKA_ settings"
    try:
        asking.list_topics(timeout=seconds)
    except KafkaException:
        asking.poll(0)
    told = next(filter(None, map(_told, heard)), None)
    return told or _of_port(settings) or ABSENT


def _of_port(settings: Settings) -> str | None:
    """Whether a broker takes connections at least, and then ends them without a word."""
    host, _, port = settings.kafka_bootstrap.split(",", maxsplit=1)[0].strip().rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, ValueError):
        return None
    is_unnamed = settings.kafka_security_protocol == "SSL" and not (
        settings.kafka_ssl_certificate_location
    )
    shown = f"; or it wants a certificate of yours: {_SHOWN}" if is_unnamed else ""
    return f"it takes connections, and does not speak Kafka on them; {_PROTOCOL}{shown}"


def _told(error: KafkaError) -> str | None:
    words = _NOISE.sub("", error.str())
    if error.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001 - its public spelling
        return f"{words}; {_SASL}"
    if error.code() == KafkaError._SSL:  # noqa: SLF001 - as above
        return f"{words.partition(', verify that')[0]}; {_CERTIFICATE}"
    if error.code() == KafkaError._TRANSPORT and "listener?" in words:  # noqa: SLF001 - as above
        return f"{words}; {_PROTOCOL}"
    return None
