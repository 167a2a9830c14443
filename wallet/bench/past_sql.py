"""The statements that make a past (wallet/bench/past.py); arguments by name, as psycopg2 has them.

A wallet of number n, from 0: turn 0 makes it, turn 1 gives it the first deposit, then a sale and a
deposit of one amount in turn. Its sequence is turn + 1 and its balance follows from the turn.
"""

from typing import Final

FIRST_DEPOSIT: Final = 100_000_000_000
"""Minor units; as producers.load gives."""

_MULTIPLIER: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF
_UUID_BYTES: Final = 36


def _murmur2() -> str:
    """SQL for Kafka's hash of a wallet id's 36 characters (schemas.identifiers.murmur2).

    Of bytes in a column `b`; without the last two steps, which need its value twice.
    """
    value = str(0x9747B28C ^ _UUID_BYTES)
    for start in range(0, _UUID_BYTES, 4):
        octets = (f"(get_byte(b, {start + n})::bigint << {8 * n})" for n in range(4))
        word = f"(({' | '.join(octets)}) * {_MULTIPLIER} & {_MASK})"
        mixed = f"(({word} # ({word} >> 24)) * {_MULTIPLIER} & {_MASK})"
        value = f"(({value} * {_MULTIPLIER} & {_MASK}) # {mixed})"
    return value


# The wallets by number, so that each statement finds a run of them.
STAGE: Final = """
CREATE UNLOGGED TABLE past_wallets (n bigint, id uuid, partition smallint)
"""
# OFFSET 0: a value that is needed twice is not worked out twice.
STAGED: Final = f"""
INSERT INTO past_wallets
SELECT n, id, ((v # (v >> 15)) & 2147483647) %% %(partitions)s
FROM (SELECT n, id, (v # (v >> 13)) * {_MULTIPLIER} & {_MASK} AS v
      FROM (SELECT n, id, {_murmur2()} AS v
            FROM (SELECT n, id, convert_to(id::text, 'UTF8') AS b
                  FROM (SELECT n, md5('wallet ' || n)::uuid AS id
                        FROM generate_series(%(first)s, %(last)s - 1) AS n OFFSET 0) AS named
                  OFFSET 0) AS spelt
            OFFSET 0) AS hashed
      OFFSET 0) AS mixed
"""  # noqa: S608 - constants
STAGE_INDEX: Final = """
CREATE UNIQUE INDEX ON past_wallets (n);
ANALYZE past_wallets
"""

# Of a wallet: its turn at the end, what its sales and later deposits amount to, and its balance
# after any turn. Minor units.
_LAST_TURN: Final = """
(%(movements)s / %(wallets)s + (n < %(movements)s %% %(wallets)s)::int)
"""
_AMOUNT: Final = "(1000 + n %% 9000)"


def _balance(turn: str) -> str:
    low = f"{FIRST_DEPOSIT} - {_AMOUNT}"
    return f"CASE WHEN {turn} = 0 THEN 0 WHEN {turn} %% 2 = 1 THEN {FIRST_DEPOSIT} ELSE {low} END"


def _moment(turn: str) -> str:
    """Milliseconds since 1970 of a wallet's command: one after the other, to a last one."""
    return f"(%(until_ms)s - (%(commands)s - {turn} * %(wallets)s - n) * %(milliseconds)s)"


_OF_SPAN: Final = "FROM past_wallets WHERE n >= %(first)s AND n < %(last)s"

WALLETS: Final = f"""
INSERT INTO wallets (wallet_id, balance_minor, sequence, updated_at, partition, status, currency)
SELECT id, {_balance("turn")}, turn + 1, to_timestamp({_moment("turn")} / 1000.0), partition, 0,
       'IRR'
FROM (SELECT *, {_LAST_TURN} AS turn {_OF_SPAN} ORDER BY n) AS w
"""  # noqa: S608 - constants
PROFILES: Final = f"""
INSERT INTO profiles (wallet_id, created_at)
SELECT id, to_timestamp({_moment("0")} / 1000.0) {_OF_SPAN}
"""

# A command of a turn. Ids begin with the moment, as the ledger makes them; the rest is a hash.
_COMMANDS: Final = f"""
SELECT *, lpad(to_hex(ms), 12, '0') AS stamp, {_balance("turn")} AS balance,
       CASE WHEN turn = 0 THEN 0 WHEN turn = 1 THEN {FIRST_DEPOSIT}
            WHEN turn %% 2 = 0 THEN -{_AMOUNT} ELSE {_AMOUNT} END AS amount
FROM (SELECT *, turn * %(wallets)s + n - %(commands)s AS "offset",
             md5('command ' || turn || ' ' || n) AS name,
             {_moment("turn")}::bigint AS ms
      FROM (SELECT n, id, partition, %(turn)s::bigint AS turn {_OF_SPAN} ORDER BY n) AS w
      OFFSET 0) AS c
"""  # noqa: S608 - constants
_TRANSACTION: Final = """
(substr(stamp, 1, 8) || '-' || substr(stamp, 9) || '-8' || substr(name, 1, 3) || '-8'
 || substr(name, 4, 3) || '-' || substr(name, 7, 12))
"""
_COMMAND_ID: Final = """
(substr(stamp, 1, 8) || '-' || substr(stamp, 9) || '-7' || substr(name, 11, 3) || '-9'
 || substr(name, 14, 3) || '-' || substr(name, 17, 12))
"""

COMMANDS: Final = f"""
INSERT INTO commands (command_key, fingerprint, transaction_id, "offset", partition, result,
                      details)
SELECT (substr(command_id, 1, 18) || '-' || substr(name, 1, 4) || '-' || substr(name, 5, 12))::uuid,
       reverse(name)::uuid, transaction_id::uuid, "offset", partition,
       concat('{{"command":{{"source":"', %(source)s, '","id":"', command_id, '","type":"',
              CASE WHEN turn = 0 THEN 'wallet.create.v1' WHEN amount > 0 THEN 'deposit.v1'
                   ELSE 'charge_sale.v1' END,
              '","topic":"', %(topic)s, '","partition":', partition, ',"offset":', "offset",
              '}},"status":"completed","wallet_id":"', id, '","currency":"IRR","balance":"',
              balance / 100, '.', lpad((balance %% 100)::text, 2, '0'), '","sequence":', turn + 1,
              ',"transaction_id":"', transaction_id, '","recorded_at":"',
              to_char(to_timestamp(ms / 1000.0), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
              '","sequences":{{"', id, '":', turn + 1, '}}}}'),
       CASE WHEN amount < 0 THEN '{{"phone_number":"+989123456789"}}' END
FROM (SELECT *, {_TRANSACTION} AS transaction_id, {_COMMAND_ID} AS command_id
      FROM ({_COMMANDS}) AS c OFFSET 0) AS c
"""  # noqa: S608 - constants

# A movement's rows stand together: the wallet's, and that of the world's account.
ENTRIES: Final = f"""
INSERT INTO entries (account_id, transaction_id, sequence, amount_minor, balance_minor, currency)
SELECT e.account, transaction_id, e.sequence, e.amount, e.balance, 'IRR'
FROM (SELECT *, {_TRANSACTION}::uuid AS transaction_id FROM ({_COMMANDS}) AS c OFFSET 0) AS c
CROSS JOIN LATERAL (VALUES
    (c.id, c.turn + 1, c.amount, c.balance),
    (CASE WHEN c.amount > 0 THEN %(deposits)s WHEN c.amount < 0 THEN %(sales)s END::uuid,
     NULL, -c.amount, NULL)) AS e (account, sequence, amount, balance)
WHERE e.account IS NOT NULL
"""  # noqa: S608 - constants

KEYS: Final = """
SELECT t.relname, c.conname,
       format('ALTER TABLE %%I ADD CONSTRAINT %%I %%s', t.relname, c.conname,
              pg_get_constraintdef(c.oid))
FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = c.conrelid
WHERE t.relname = ANY(%s) AND c.contype IN ('p', 'u') AND t.relnamespace = 'public'::regnamespace
"""
INDEXES: Final = """
SELECT i.indexname, i.indexdef FROM pg_indexes AS i
WHERE i.schemaname = 'public' AND i.tablename = ANY(%s)
  AND NOT EXISTS (SELECT 1 FROM pg_constraint AS c WHERE c.conname = i.indexname)
"""
