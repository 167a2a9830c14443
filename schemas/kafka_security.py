"""How every client of Kafka proves who it is and knows whom it talks to: checked, in one place."""

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from schemas.settings import Settings

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

_OURS: Final = "WALLET_KAFKA_"
_OF_SASL: Final = ("sasl_mechanism", "sasl_username", "sasl_password")
_OF_TLS: Final = ("ssl_ca_location", "ssl_certificate_location", "ssl_key_location")


def refusal(settings: "Settings") -> str | None:
    """What is wrong with the settings of Kafka's security, naming them; None when nothing is.

    A half-set security is refused at the start: a client would else try for ever, in silence, to
    speak plain text to a broker that waits for TLS.
    """
    protocol = settings.kafka_security_protocol or "PLAINTEXT"
    missing = _unset(settings, _OF_SASL) if protocol.startswith("SASL") else []
    if missing:
        names = ", ".join(_name(each) for each in missing)
        return f"{_name('security_protocol')}={protocol} needs {names} as well"
    if not protocol.startswith("SASL") and (given := _given(settings, _OF_SASL)):
        return _useless(given[0], protocol, "SASL_SSL or SASL_PLAINTEXT")
    if not protocol.endswith("SSL") and (given := _given(settings, _OF_TLS)):
        return _useless(given[0], protocol, "SSL or SASL_SSL")
    pair = _given(settings, _OF_TLS[1:])
    if len(pair) == 1:
        other = _unset(settings, _OF_TLS[1:])[0]
        return f"{_name(pair[0])} needs {_name(other)} as well"
    return next(filter(None, (_unreadable(settings, each) for each in _OF_TLS)), None)


def librdkafka(settings: "Settings") -> dict[str, str]:
    """What every client of librdkafka is given besides its brokers."""
    said = {
        "security.protocol": settings.kafka_security_protocol,
        "sasl.mechanism": settings.kafka_sasl_mechanism,
        "sasl.username": settings.kafka_sasl_username,
        "sasl.password": settings.kafka_sasl_password,
        "ssl.ca.location": settings.kafka_ssl_ca_location,
        "ssl.certificate.location": settings.kafka_ssl_certificate_location,
        "ssl.key.location": settings.kafka_ssl_key_location,
    }
    return {name: value for name, value in said.items() if value is not None}


def _value(settings: "Settings", short: str) -> str | None:
    found: str | None = getattr(settings, f"kafka_{short}")
    return found


def _given(settings: "Settings", names: tuple[str, ...]) -> list[str]:
    return [name for name in names if _value(settings, name) is not None]


def _unset(settings: "Settings", names: tuple[str, ...]) -> list[str]:
    return [name for name in names if _value(settings, name) is None]


def _unreadable(settings: "Settings", short: str) -> str | None:
    place = _value(settings, short)
    if place is None:
        return None
    try:
        if not Path(place).is_dir():
            Path(place).read_bytes()
    except OSError as error:
        return f"{_name(short)}: {place} cannot be read: {error.strerror}"
    return None


def _useless(short: str, protocol: str, others: str) -> str:
    setting = _name("security_protocol")
    return f"{_name(short)} is set, but with {setting}={protocol} it is not used: set {others}"


def _name(short: str) -> str:
    return f"{_OURS}{short.upper()}"
