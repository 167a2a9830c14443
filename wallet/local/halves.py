"""A ledger has two halves, its topics and its database: one of them is never thrown away alone."""

from schemas.settings import is_said
from wallet.failure import UsageFailure


def refuse_half(what: str) -> None:
    """Never part a ledger's topics from its database: what is left fits no empty one.

    Workers refuse to work on such a pair, as they must. `what` would throw away all that is here;
    raises UsageFailure where that is one half, and a setting names the other one's server.
    """
    has_kafka, has_database = is_said("kafka_bootstrap"), is_said("database_url")
    if has_kafka == has_database:
        return
    kept = "WALLET_KAFKA_BOOTSTRAP" if has_kafka else "WALLET_DATABASE_URL"
    raise UsageFailure(
        f"{what} would throw away the {'database' if has_kafka else 'topics'} alone: what is at"
        f" {kept} stays and does not fit an empty copy; unset {kept}, or keep what is here"
    )
