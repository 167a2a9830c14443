"""A past made by SQL is one that the ledger could have left, and the ledger goes on from it."""

import pytest

from consumers.audit.accounts import CHECKS
from consumers.looking import Looking
from producers.load import Load
from schemas import results
from schemas.identifiers import is_uuid, partition_of
from schemas.settings import Settings
from tests.meters import Desk, record_of
from tests.workers import rows
from wallet.bench.past import Past, Wallets, fill, wallet_id
from wallet.bench.telling import Telling

pytestmark = pytest.mark.integration

PAST = Past(wallets=700, movements=2500)
"""Some wallets have a movement more than others."""

COUNTS = """
SELECT (SELECT count(*) FROM wallets), (SELECT count(*) FROM profiles),
       (SELECT count(*) FROM commands WHERE "offset" < 0),
       (SELECT count(*) FROM entries AS e JOIN commands AS c USING (transaction_id)
        WHERE c."offset" < 0)
"""
DEFINITIONS = """
SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT format('%s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace ORDER BY 1
"""


@pytest.fixture(scope="module")
def definitions(fresh_ledger: Settings) -> list[tuple[str, ...]]:
    """Keys and indexes before anything is filled."""
    with rows(fresh_ledger, DEFINITIONS) as found:
        return found


@pytest.fixture(scope="module")
def filled(fresh_ledger: Settings, definitions: list[tuple[str, ...]]) -> Settings:
    """A ledger with a past."""
    assert definitions
    fill(fresh_ledger, PAST, Telling(with_bars=False))
    return fresh_ledger


def judge(ledger: Settings) -> None:
    """Everything that the auditor can ask of a database alone."""
    for check in CHECKS:
        with rows(ledger, check.sql) as wrong:
            assert not wrong, (check.what, wrong[:3])


def test_it_is_as_large_as_told(filled: Settings) -> None:
    """Rows are as many as was asked for; no table that helped is left."""
    with rows(filled, COUNTS) as found:
        assert found == [(PAST.wallets, PAST.wallets, PAST.commands, PAST.entries)]
    with rows(filled, "SELECT to_regclass('past_wallets')") as found:
        assert found == [(None,)]


def test_sums_balances_and_sequences_hold(filled: Settings) -> None:
    """What `wallet verify` asks of a database alone finds nothing."""
    judge(filled)


def test_keys_and_indexes_are_back(filled: Settings, definitions: list[tuple[str, ...]]) -> None:
    """As the migrations made them."""
    with rows(filled, DEFINITIONS) as found:
        assert found == definitions


def test_wallets_live_where_their_ids_lead(filled: Settings) -> None:
    """SQL and the ledger agree on ids and partitions."""
    with rows(filled, "SELECT wallet_id::text, partition FROM wallets") as found:
        assert {name for name, _ in found} == {wallet_id(n) for n in range(PAST.wallets)}
        assert all(partition_of(name, filled.partitions) == home for name, home in found)
        assert {home for _, home in found} == {*range(filled.partitions)}


def test_results_are_as_the_ledger_writes_them(filled: Settings) -> None:
    """Byte for byte what encoding them gives; they tell of their own row; ids grow with time."""
    query = """
    SELECT result, partition, "offset", transaction_id::text, details, command_key::text
    FROM commands WHERE "offset" < 0 ORDER BY "offset"
    """
    with rows(filled, query) as found:
        for text, partition, offset, transaction_id, details, key in found:
            said = results.decode(text)
            fields = {name: getattr(said, name) for name in results.Completed.__struct_fields__}
            assert results.encode(results.Completed(**fields)).decode() == text
            told = (said.command.partition, said.command.offset, said.transaction_id)
            assert told == (partition, offset, transaction_id)
            assert offset < 0
            assert is_uuid(transaction_id)
            assert key[:18] == said.command.id[:18]
            assert (details is None) == (said.command.type != "charge_sale.v1")
        transactions = [row[3] for row in found]
        assert transactions == sorted(transactions)


def test_a_wallets_history_can_be_read(filled: Settings) -> None:
    """Our own readers make sense of it."""
    with Looking(filled.database_url) as looking:
        wallet = looking.wallet(wallet_id(3))
        lines = looking.history(wallet_id(3), 100)
    assert wallet is not None
    assert [line.kind for line in lines][-3:] == ["charge_sale", "deposit", "wallet.create"]
    assert lines[0].sequence == wallet.sequence


def test_the_ledger_goes_on_from_it(filled: Settings) -> None:
    """A lane claims, decides on these wallets, and all sums still hold."""
    wallets = Wallets(200, PAST.wallets)
    here = [each for each in wallets if partition_of(each, filled.partitions) == 0]
    desk = Desk(filled)
    try:
        desk.batch([record_of(message) for message in Load(1, here).commands(300, "sale")])
    finally:
        desk.close()
    with rows(filled, 'SELECT count(*) FROM commands WHERE "offset" >= 0') as found:
        assert found == [(300,)]
    judge(filled)
