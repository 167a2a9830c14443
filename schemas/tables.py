"""The tables of the ledger. Migrations make them; a test holds the two equal.

Amounts are integers of minor units, numeric(38, 0). `commands` and `entries` are append-only:
a trigger refuses UPDATE, DELETE and TRUNCATE. Only `streams` writes here.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, UUID

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s",
    }
)
_id = UUID(as_uuid=False)
_minor = Numeric(38, 0)

# Insert-only tables are vacuumed by number, not by share: vacuum summarises their BRIN indexes.
_GROWING = {
    "autovacuum_vacuum_insert_scale_factor": "0",
    "autovacuum_vacuum_insert_threshold": "200000",
}

# One row for each partition of the commands topic: the truth of progress (DESIGN.md 3).
# `epoch` fences; `next_offset` is compared and set by every batch; `last_result_offset` and
# `floor_offset` are the source of the last result stored, and of the last known to be published;
# `batch_offset`, `batch_event`, `arrived_*` describe the newest batch, which a claim may have to
# publish; `next_event` numbers the partition's events without gaps.
partitions = Table(
    "partitions",
    metadata,
    Column("topic", Text, nullable=False),
    Column("partition", SmallInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    Column("next_offset", BigInteger, nullable=False, server_default=text("0")),
    Column("next_event", BigInteger, nullable=False, server_default=text("0")),
    Column("last_result_offset", BigInteger, nullable=False, server_default=text("-1")),
    Column("floor_offset", BigInteger, nullable=False, server_default=text("-1")),
    Column("batch_offset", BigInteger, nullable=False, server_default=text("0")),
    Column("batch_event", BigInteger, nullable=False, server_default=text("0")),
    Column("mispartitioned", BigInteger, nullable=False, server_default=text("0")),
    Column("arrived_wallets", ARRAY(_id), nullable=False, server_default=text("'{}'")),
    Column("arrived_sequences", ARRAY(BigInteger), nullable=False, server_default=text("'{}'")),
    Column("owner", Text),
    PrimaryKeyConstraint("topic", "partition"),
    CheckConstraint("next_offset >= batch_offset AND next_event >= batch_event", name="forward"),
    postgresql_with={"fillfactor": "10"},
)

# What a wallet is now. `partition` is where its events live, `sequence` counts its changes,
# `status` is a position in schemas.statuses.
wallets = Table(
    "wallets",
    metadata,
    Column("wallet_id", _id, nullable=False),
    Column("balance_minor", _minor, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("partition", SmallInteger, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    PrimaryKeyConstraint("wallet_id"),
    CheckConstraint("balance_minor >= 0", name="never_negative"),
    CheckConstraint("sequence >= 1", name="sequence_counts"),
    CheckConstraint("status BETWEEN 0 AND 2", name="status_known"),
    postgresql_with={"fillfactor": "50"},
)

# Whose a wallet is: kept apart, so that the row every command locks stays small.
profiles = Table(
    "profiles",
    metadata,
    Column("wallet_id", _id, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("owner", JSON),
    Column("metadata", JSON),
    PrimaryKeyConstraint("wallet_id"),
)

# Every command that got a result, completed or rejected, with the bytes of that result.
# `details` (JSON) is what its events say beyond the result: reference, metadata and the like.
commands = Table(
    "commands",
    metadata,
    Column("command_key", _id, nullable=False),
    Column("fingerprint", _id, nullable=False),
    Column("transaction_id", _id),
    Column("offset", BigInteger, nullable=False),
    Column("partition", SmallInteger, nullable=False),
    Column("result", Text, nullable=False),
    Column("details", Text),
    PrimaryKeyConstraint("command_key"),
    UniqueConstraint("transaction_id"),
    # BRIN: positions grow with the table, and only claims and audits look for them.
    Index(
        "commands_position",
        "partition",
        "offset",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": "16"},
    ),
    postgresql_with=_GROWING,
)

# The journal: every signed amount. Rows of the world's accounts have no sequence and no balance.
# A change without money (wallet created, status set) is an entry of zero: it has a sequence too.
entries = Table(
    "entries",
    metadata,
    Column("account_id", _id, nullable=False),
    Column("transaction_id", _id, nullable=False),
    Column("sequence", BigInteger),
    Column("amount_minor", _minor, nullable=False),
    Column("balance_minor", _minor),
    Column("currency", String(3), nullable=False),
    CheckConstraint("(sequence IS NULL) = (balance_minor IS NULL)", name="world_has_no_balance"),
    CheckConstraint("balance_minor >= 0", name="never_negative"),
    Index(
        "entries_of_wallet",
        "account_id",
        "sequence",
        unique=True,
        postgresql_where=text("sequence IS NOT NULL"),
    ),
    # BRIN: transaction ids are time-ordered, so a transaction's rows stand close together.
    Index(
        "entries_of_transaction",
        "transaction_id",
        postgresql_using="brin",
        postgresql_with={"pages_per_range": "16"},
    ),
    postgresql_with=_GROWING,
)

# Events of wallets that live on another partition than the command's: they wait here until the
# one writer of that partition's events takes them over.
arrivals = Table(
    "arrivals",
    metadata,
    Column("wallet_id", _id, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("partition", SmallInteger, nullable=False),
    Column("event", Text, nullable=False),
    PrimaryKeyConstraint("partition", "wallet_id", "sequence"),
    postgresql_with={
        "autovacuum_vacuum_scale_factor": "0",
        "autovacuum_vacuum_threshold": "20000",
    },
)

# What has been refunded of a transaction, refund by refund.
refunds = Table(
    "refunds",
    metadata,
    Column("transaction_id", _id, nullable=False),
    Column("refund_id", _id, nullable=False),
    Column("amount_minor", _minor, nullable=False),
    PrimaryKeyConstraint("transaction_id", "refund_id"),
    CheckConstraint("amount_minor > 0", name="positive"),
)

# Records in which no command could be read, or whose key was wrong, as they came.
dead_letters = Table(
    "dead_letters",
    metadata,
    Column("offset", BigInteger, nullable=False),
    Column("partition", SmallInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("record", JSON, nullable=False),
    PrimaryKeyConstraint("partition", "offset"),
)
