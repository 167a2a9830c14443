"""The tables of who may ask and of who has asked. Only the gateway and `wallet` write them.

Secrets are not here: passwords stand as argon2id hashes, keys and tokens as SHA-256 of 32 random
bytes. `http_audit` is append-only: a trigger refuses UPDATE, DELETE and TRUNCATE.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

from schemas.tables import metadata

_id = UUID(as_uuid=False)
_moment = DateTime(timezone=True)

# People. A row without `made_at` is a user being made: it reserves the name and the phone until its
# wallet, `opens`, is open. `wallet_id` is that one, another that was given to the user, or none.
# Who has no password cannot log in with one.
users = Table(
    "users",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("created_at", _moment, nullable=False),
    Column("updated_at", _moment, nullable=False),
    Column("made_at", _moment),
    Column("opens", _id, nullable=False),
    Column("wallet_id", _id),
    Column("kyc_level", SmallInteger, nullable=False, server_default=text("0")),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("role", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("phone_number", Text),
    Column("password_hash", Text),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("opens"),
    UniqueConstraint("wallet_id"),
    UniqueConstraint("username"),
    UniqueConstraint("phone_number"),
    CheckConstraint("role IN ('admin', 'seller', 'user', 'service', 'auditor')", name="role_known"),
    CheckConstraint("kyc_level BETWEEN 0 AND 9", name="kyc_level_known"),
)

# Keys of programs: a user's, with the user's rights, or of a role of their own. `prefix` is how a
# key begins, to tell it from others; `scopes` narrow what it may do.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    Column("user_id", BigInteger, ForeignKey("users.id", name="api_keys_user_id_fkey")),
    Column("created_at", _moment, nullable=False),
    Column("expires_at", _moment),
    Column("revoked_at", _moment),
    Column("role", Text),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("hash"),
    CheckConstraint("(user_id IS NULL) <> (role IS NULL)", name="one_owner"),
    CheckConstraint("role IN ('admin', 'service', 'auditor')", name="role_known"),
)

# What people got for their password, for some hours.
tokens = Table(
    "tokens",
    metadata,
    Column("hash", LargeBinary, nullable=False),
    Column(
        "user_id", BigInteger, ForeignKey("users.id", name="tokens_user_id_fkey"), nullable=False
    ),
    Column("created_at", _moment, nullable=False),
    Column("expires_at", _moment, nullable=False),
    PrimaryKeyConstraint("hash"),
    Index("tokens_of_user", "user_id"),
    Index("tokens_expiring", "expires_at"),
)

# What people with a limit have asked to move in a day, command by command; those of earlier days go
# with the next one. `amount` is in major units of the wallet's currency.
kyc_moves = Table(
    "kyc_moves",
    metadata,
    Column("wallet_id", _id, nullable=False),
    Column("day", Date, nullable=False),
    Column("command_key", _id, nullable=False),
    Column("fingerprint", _id, nullable=False),
    Column("amount", Numeric, nullable=False),
    PrimaryKeyConstraint("wallet_id", "day", "command_key", "fingerprint"),
    CheckConstraint("amount > 0", name="positive"),
)

# Who did what over HTTP: requests that change something, and those refused for rights. Its ids are
# UUIDv7s that the gateway gives, so that a batch written twice is there once.
http_audit = Table(
    "http_audit",
    metadata,
    Column("id", _id, nullable=False),
    Column("asked_at", _moment, nullable=False),
    Column("user_id", BigInteger),
    Column("status", SmallInteger, nullable=False),
    Column("principal", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("command_ids", ARRAY(Text), nullable=False),
    PrimaryKeyConstraint("id"),
    Index("http_audit_of_principal", "principal", "id"),
    postgresql_with={
        "autovacuum_vacuum_insert_scale_factor": "0",
        "autovacuum_vacuum_insert_threshold": "200000",
    },
)
