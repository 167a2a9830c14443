"""Who a process is to Kafka, as aiokafka wants to be told (librdkafka: schemas.kafka_security)."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas.settings import Settings


def of_aiokafka(settings: Settings) -> Mapping[str, Any]:
    """What a client of aiokafka is given besides its brokers."""
    protocol = settings.kafka_security_protocol or "PLAINTEXT"
    said: dict[str, Any] = {"security_protocol": protocol}
    if protocol.endswith("SSL"):
        said["ssl_context"] = ssl_context(settings)
    if protocol.startswith("SASL"):
        said["sasl_mechanism"] = settings.kafka_sasl_mechanism
        said["sasl_plain_username"] = settings.kafka_sasl_username
        said["sasl_plain_password"] = settings.kafka_sasl_password
    return said


def ssl_context(settings: Settings) -> ssl.SSLContext:
    """Whom to trust, and what to show."""
    place = settings.kafka_ssl_ca_location
    is_folder = place is not None and Path(place).is_dir()
    file, folder = (None, place) if is_folder else (place, None)
    context = ssl.create_default_context(cafile=file, capath=folder)
    if settings.kafka_ssl_certificate_location is not None:
        context.load_cert_chain(
            settings.kafka_ssl_certificate_location, settings.kafka_ssl_key_location
        )
    return context
