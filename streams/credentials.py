"""Who a worker is to Kafka, as Faust and aiokafka want to be told (schemas.kafka_security)."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faust import SASLCredentials, SSLCredentials
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from schemas.settings import Settings


def of_faust(settings: Settings) -> SASLCredentials | SSLCredentials | None:
    """What a Faust app is given; None for plain text."""
    protocol = settings.kafka_security_protocol
    if protocol is None or protocol == "PLAINTEXT":
        return None
    context = _context(settings) if protocol.endswith("SSL") else None
    if not protocol.startswith("SASL"):
        return SSLCredentials(context)
    return SASLCredentials(
        mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_sasl_username,
        password=settings.kafka_sasl_password,
        ssl_context=context,
    )


def of_aiokafka(settings: Settings) -> Mapping[str, Any]:
    """What a client of aiokafka is given besides its brokers."""
    return credentials_to_aiokafka_auth(of_faust(settings))


def _context(settings: Settings) -> ssl.SSLContext:
    place = settings.kafka_ssl_ca_location
    is_folder = place is not None and Path(place).is_dir()
    file, folder = (None, place) if is_folder else (place, None)
    context = ssl.create_default_context(cafile=file, capath=folder)
    if settings.kafka_ssl_certificate_location is not None:
        context.load_cert_chain(
            settings.kafka_ssl_certificate_location, settings.kafka_ssl_key_location
        )
    return context
