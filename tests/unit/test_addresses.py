"""Addresses are shown as people know them, and no secret of theirs is."""

import psycopg2
import pytest

from consumers.failure import LookingError
from consumers.looking import Looking
from producers.addresses import UNREADABLE, why_refused, without_password
from wallet.failure import UsageFailure
from wallet.migrate import refusal


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://u:SECRET@h:5/d", "postgresql://u@h:5/d"),
        ("postgresql://:SECRET@h/d", "postgresql://h/d"),
        ("postgresql://u:SECRET@[::1]:5/d", "postgresql://u@[::1]:5/d"),
        ("postgresql://u:SEC?RET@h/d", "postgresql://u@h/d"),
        ("postgresql://u:SEC/RET@h/d", UNREADABLE),
        ("postgresql://u:SEC@RET@h/d", UNREADABLE),
        ("postgresql://u:SEC%zzRET@h/d", UNREADABLE),
        ("postgresql://u:SECRET@[::1/d", UNREADABLE),
        ("postgresql://u:SECRET@h/d?sslmod=x", UNREADABLE),
        (
            "postgresql://postgres@/wallet?host=%2Fhere",
            "postgresql://postgres@/wallet?host=%2Fhere",
        ),
        ("postgresql:///d?user=x&password=SECRET", "postgresql:///d?user=x"),
        ("postgresql:///d?user=x&p%61ssword=SECRET", "postgresql:///d?user=x"),
        (
            "postgres://u@h:1,i:2/d?sslmode=require&sslpassword=SECRET&passfile=SECRET",
            "postgres://u@h:1,i:2/d?sslmode=require",
        ),
        ("postgresql://h/d?options=-c%20x.y%3DSECRET", "postgresql://h/d"),
        ("host=db password=SECRET dbname=d", "host=db dbname=d"),
        ("host=db password='SEC RET'", "host=db"),
        ("host=db password=SEC RET", UNREADABLE),
        ("password=SECRET", "no address"),
        ("SECRET", UNREADABLE),
        ("https://u:SECRET@bank.example/orders?of=7", "https://u@bank.example/orders?of=7"),
        ("https://u:SEC/RET@bank.example/orders", UNREADABLE),
        ("https://[SECRET/", UNREADABLE),
    ],
)
def test_what_is_shown_of_an_address(address: str, shown: str) -> None:
    """What is harmless of it, as it was written; nothing of what cannot be understood."""
    assert without_password(address) == shown


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://u:SECRET@h/d?sslmod=x", 'invalid URI query parameter: "sslmod"'),
        ("host=db pasword=SECRET", 'invalid connection option "pasword"'),
        ("host=db password=my SECRET", "libpq cannot read it"),
        ("postgresql://u:%SECRET@h/d", "libpq cannot read it"),
        ("postgresql://u:p@[SECRET/d", "libpq cannot read it"),
    ],
)
def test_an_address_that_no_server_could_have(address: str, said: str) -> None:
    """It is refused at once, with exit code 2 and without a secret."""
    with pytest.raises(UsageFailure, match="WALLET_DATABASE_URL") as refused:
        refusal(address)
    assert f"{UNREADABLE}: {said};" in str(refused.value)
    assert "SECRET" not in str(refused.value)


def test_a_password_in_the_place_of_a_port_is_not_quoted() -> None:
    """A / in a password ends the address too early."""
    assert (
        refusal("postgresql://u:SEC/RET@h/d")
        == 'invalid integer value for connection option "port"'
    )


def test_a_password_in_the_place_of_a_host_is_not_quoted() -> None:
    """An @ in a password ends it too early; a host that is only wrong is named."""
    for host, shown in (("SECRET@h", ""), ("h\u00e4 b", ' "h\u00e4 b"')):
        said = f'could not translate host name "{host}" to address: Name or service not known\n'
        told = why_refused(psycopg2.OperationalError(said))
        assert told == f"could not translate host name{shown} to address: Name or service not known"


@pytest.mark.parametrize("query", ["password=SECRET", "password=SECRET&sslmod=x"])
def test_who_looks_something_up_shows_no_secret_either(query: str) -> None:
    """Whether there is no server, or could be none."""
    with Looking(f"postgresql://127.0.0.1:1/d?{query}") as looking:
        with pytest.raises(LookingError, match="PostgreSQL at ") as refused:
            looking.result("/a", "1")
        assert "SECRET" not in str(refused.value)


def test_what_a_server_says_is_said() -> None:
    """In one line."""
    assert why_refused(psycopg2.OperationalError("no\n  room")) == "no room"
