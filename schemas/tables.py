"""The tables of the ledger. Migrations make them; a test holds the two equal.

Amounts are integers of minor units, numeric(38, 0). `commands` and `entries` are append-only:
a trigger refuses UPDATE, DELETE and TRUNCATE. Only `streams` writes here, but where it says so.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
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
    Index("refunds_by_refund", "refund_id"),
)

# What a withdrawal is now. PostgreSQL is the durable timer: `withdrawals_due` finds what is due on
# a partition, `withdrawals_in_transit` what the bank has still to answer. `partition` is its
# wallet's, wherever the command stood: the steps that follow are there; `status` a position in
# schemas.statuses.
withdrawals = Table(
    "withdrawals",
    metadata,
    Column("withdrawal_id", _id, nullable=False),
    Column("wallet_id", _id, nullable=False),
    Column("amount_minor", _minor, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("partition", SmallInteger, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("target", Text),
    Column("reason", Text),
    PrimaryKeyConstraint("withdrawal_id"),
    CheckConstraint("amount_minor > 0", name="positive"),
    CheckConstraint("status BETWEEN 0 AND 5", name="status_known"),
    # The id stands in it for pages: a million may be due at the same midnight.
    Index(
        "withdrawals_due",
        "partition",
        "due_at",
        "withdrawal_id",
        postgresql_where=text("status = 0"),
    ),
    Index(
        "withdrawals_in_transit",
        "partition",
        "changed_at",
        postgresql_where=text("status IN (1, 2)"),
    ),
    Index("withdrawals_of_wallet", "wallet_id", "withdrawal_id"),
    Index(
        "withdrawals_to_target",
        "target",
        "withdrawal_id",
        postgresql_where=text("target IS NOT NULL"),
    ),
    postgresql_with={"fillfactor": "80"},
)

# What a wallet has asked for, and what became of it. `number` is its integer id, `status` its place
# in schemas.statuses.
credit_requests = Table(
    "credit_requests",
    metadata,
    Column("credit_request_id", _id, nullable=False),
    Column("wallet_id", _id, nullable=False),
    Column("amount_minor", _minor, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("by", Text),
    Column("reason", Text),
    PrimaryKeyConstraint("credit_request_id"),
    UniqueConstraint("number"),
    CheckConstraint("amount_minor > 0", name="positive"),
    CheckConstraint("status BETWEEN 0 AND 2", name="status_known"),
    Index("credit_requests_pending", "number", postgresql_where=text("status = 0")),
    Index("credit_requests_of_wallet", "wallet_id", "number"),
    postgresql_with={"fillfactor": "80"},
)

# What the bank caller knows of its calls, written before each of them and after: no money is here.
# `calls` were begun; of these the bank has certainly not executed `not_done`. `state` is a
# position in consumers.withdrawals.calls.STATES.
bank_calls = Table(
    "bank_calls",
    metadata,
    Column("withdrawal_id", _id, nullable=False),
    Column("begun_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("calls", Integer, nullable=False),
    Column("not_done", Integer, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("note", Text),
    PrimaryKeyConstraint("withdrawal_id"),
    postgresql_with={"fillfactor": "60"},
)

# The forward-only clock of a development copy: how far ahead of the broker's it is, in all.
# Insert-only; the newest row counts. Empty wherever real money moves.
clock = Table(
    "clock",
    metadata,
    Column("ahead_ms", BigInteger, autoincrement=False, nullable=False),
    Column("moved_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("ahead_ms"),
    CheckConstraint("ahead_ms > 0", name="forward"),
)

# The sellers of service 003: who they are; their money is in their wallets. A row without a number
# is a seller being made. Only the gateway writes this table and the next two. Its phone sales are
# counted up to `counted_sequence` of the wallet.
sellers = Table(
    "sellers",
    metadata,
    Column("wallet_id", _id, nullable=False),
    Column("number", BigInteger),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("counted_sequence", BigInteger, nullable=False, server_default=text("0")),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("phone", Text, nullable=False),
    PrimaryKeyConstraint("wallet_id"),
    UniqueConstraint("number"),
    UniqueConstraint("email"),
    UniqueConstraint("phone"),
)

# What the sellers have sold to a phone, in all: a projection of the journal, by count_phones().
charged_phones = Table(
    "charged_phones",
    metadata,
    Column("phone_number", Text, nullable=False),
    Column("total_minor", Numeric, nullable=False),
    Column("first_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("phone_number"),
)

# And sale by sale: where in the seller's journal it stands.
phone_sales = Table(
    "phone_sales",
    metadata,
    Column("phone_number", Text, nullable=False),
    Column("transaction_id", _id, nullable=False),
    Column("wallet_id", _id, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    PrimaryKeyConstraint("phone_number", "transaction_id"),
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

# What people have decided about them: sent again, as which command, or dropped. Append-only; only
# `wallet dlq` writes here.
dead_letter_decisions = Table(
    "dead_letter_decisions",
    metadata,
    Column("offset", BigInteger, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("partition", SmallInteger, nullable=False),
    Column("number", SmallInteger, nullable=False),
    Column("decision", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text),
    Column("source", Text),
    Column("command_id", Text),
    PrimaryKeyConstraint("partition", "offset", "number"),
    CheckConstraint("decision IN ('retried', 'dropped')", name="decision_known"),
)
