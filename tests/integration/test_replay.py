"""Replays: a second ledger from the commands topic equals the first; a restored one catches up."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg2
import pytest
from sqlalchemy import make_url

from consumers.bank.policy import State
from consumers.looking import Looking
from consumers.past import NeverSoError, Offset, Past
from consumers.phones import count_again
from schemas import events
from schemas.settings import Settings
from schemas.statuses import WITHDRAWAL_STATUSES as STATUSES
from streams.claim import InconsistentError, claim
from streams.rows import Place
from tests import rawbatches, replays
from tests.hands import hands_of
from tests.ledgers import Ledger, Said
from tests.rawbatches import RawName
from tests.shell import Shell
from tests.workers import execute, rows
from wallet.failure import Failure, ignore
from wallet.migrate import upgrade
from wallet.replay.cutting import From
from wallet.replay.run import Outcome, Wish, catch_up, into

pytestmark = pytest.mark.integration

SEED = 20261126
LOGS = ("commands", "results", "events", "scheduled", "dead_letters")


def untold(_stage: str, _done: int, _total: int) -> None:
    """Nobody waits."""


class Played(NamedTuple):
    """A ledger that has come to rest, and a backup of its database from the middle of it."""

    ledger: Ledger
    backup: str


@pytest.fixture(scope="module")
def played(new_ledger: Callable[..., Settings]) -> Played:
    """A storm among 12 wallets on all partitions, in two halves with a backup between them."""
    ledger = Ledger(new_ledger(), SEED)
    backup = f"{ledger.settings.application}_backup".replace("-", "_")
    hands = hands_of(ledger.settings)
    wallets = replays.wallets_of(ledger, 12)
    ledger.send(*replays.mixture(ledger, wallets, 500))
    odd = Said(b"x", b"{", [(RawName.of(b"\xfe\xff"), b"1")])  # no client would show its name
    rawbatches.produce(ledger.settings, 0, rawbatches.batch_of([odd]))
    hands.work(most=70)
    replays.copied(ledger.settings, backup)
    ledger.send(*replays.refunds(ledger, ledger.results()))
    ledger.send(*replays.mixture(ledger, wallets, 700))
    hands.work(most=70)
    execute(ledger.settings, "INSERT INTO clock (ahead_ms) VALUES (7200000)")  # all is due
    for status, kinds in (
        ("scheduled", ("execute", "execute", "execute", "cancel")),
        ("executing", ("settle", "fail", "review", "")),
        ("needs_review", ("settle", "")),
    ):
        ledger.send(*replays.steps(ledger, ledger.results(), status, *kinds))
        hands.work()
    return Played(ledger, backup)


@pytest.fixture
def restored(played: Played, request: pytest.FixtureRequest) -> Iterator[Settings]:
    """The ledger on a database that was restored from the backup; its topics have gone on."""
    settings = played.ledger.settings
    url = settings.database_url.rpartition("/")[0]
    backup = settings.model_copy(update={"database_url": f"{url}/{played.backup}"})
    name = f"restored_{abs(hash(request.node.name)) % 10**8}"
    yield replays.copied(backup, name)
    with replays.administering(settings) as cursor:
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def ends_of_logs(ledger: Ledger) -> list[int]:
    """How many records all topics have: a replay sends none."""
    topics = ledger.settings.topics
    return [len(ledger.read(getattr(topics, name).name)) for name in LOGS]


def replayed(played: Played, name: str, **wish: object) -> Outcome:
    """A replay into a database of this test."""
    return into(played.ledger.settings, Wish(into=name, **wish), untold)  # type: ignore[arg-type]


def test_a_second_ledger_equals_the_first(played: Played) -> None:
    """Every table, every result and every event; nothing is sent, and the first is untouched."""
    before = ends_of_logs(played.ledger)
    outcome = replayed(played, "second_ledger")
    assert outcome.equal, outcome.differences
    assert outcome.commands == sum(span.end - span.start for span in outcome.partitions) > 1200
    assert outcome.compared["results"] == len(played.ledger.results())
    assert outcome.compared["events"] == len(played.ledger.events())
    assert (outcome.waiting, outcome.unpublished) == (0, 0)
    assert all(found.equal for found in outcome.tables.values())
    filled = {name for name, found in outcome.tables.items() if found.rows}
    assert filled >= {"wallets", "commands", "entries", "withdrawals", "credit_requests"}
    assert filled >= {"refunds", "dead_letters", "profiles", "partitions"}
    assert ends_of_logs(played.ledger) == before


def test_no_bank_is_paid_twice(played: Played) -> None:
    """What the bank has answered is so; of the rest it is noted that it may have been called.

    The clock is as far ahead as it was, so that nothing due becomes due again.
    """
    assert replayed(played, "banked", log_only=True).equal
    url = played.ledger.settings.database_url.rpartition("/")[0]
    second = played.ledger.settings.model_copy(update={"database_url": f"{url}/banked"})
    by_status = "SELECT status, count(*) FROM withdrawals GROUP BY 1 ORDER BY 1"
    with rows(second, by_status) as found, rows(played.ledger.settings, by_status) as first:
        assert found == first
        assert {STATUSES[status] for status, _ in found} >= {
            "executing", "needs_review", "paid", "failed", "cancelled",
        }  # fmt: skip
        executing = dict(found)[STATUSES.index("executing")]
    noted = (
        "SELECT count(*), min(b.state), max(b.state) FROM bank_calls AS b"
        " JOIN withdrawals AS w USING (withdrawal_id) WHERE w.status = 1"
    )
    with rows(second, noted) as found:
        assert found == [(executing, State.SENDING, State.SENDING)]
    with rows(second, "SELECT max(ahead_ms) FROM clock") as found:
        assert found == [(7200000,)]


def test_what_is_in_the_way_is_kept(played: Played) -> None:
    """The ledger's own database is refused, and one that no replay has made; others need a word."""
    with replays.administering(played.ledger.settings) as cursor:
        cursor.execute("CREATE DATABASE somebody_elses")
    own = played.ledger.settings.database_url.rpartition("/")[2]
    for name, why in (
        (own, "in use"),
        ("somebody_elses", "no replay has made it"),
        ("A B", "name"),
    ):
        with pytest.raises(Failure, match=why):
            replayed(played, name)
    replayed(played, "made_twice", log_only=True)
    with pytest.raises(Failure, match="--fresh"):
        replayed(played, "made_twice", log_only=True)
    assert replayed(played, "made_twice", log_only=True, fresh=True).equal


def test_a_replay_of_no_command_says_that_it_proves_nothing(played: Played) -> None:
    """From the end on everything is copied: equal, which is no proof of anything."""
    progress = "SELECT next_offset FROM partitions ORDER BY partition"
    with rows(played.ledger.settings, progress) as found:
        ends = [str(end) for (end,) in found]
    starts = [word for p, end in enumerate(ends) for word in ("--from-offset", f"{p}:{end}")]
    done = Shell(played.ledger.settings)("replay", "--into", "copied", *starts)
    assert done.code == 0, done
    assert "this proves nothing" in done.said


def test_a_dry_run_only_tells(played: Played) -> None:
    """It says what would be replayed, and makes no database."""
    outcome = replayed(played, "never_made", dry_run=True)
    assert (outcome.dry_run, outcome.commands > 1200, outcome.tables) == (True, True, {})
    assert outcome.equal is None, "nothing was compared"
    with replays.administering(played.ledger.settings) as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = 'never_made'")
        assert cursor.fetchone() is None


DAMAGE = {
    "wallets": "UPDATE wallets SET balance_minor = 1 WHERE wallet_id = {one}",
    "entries": "UPDATE entries SET amount_minor = 7 WHERE transaction_id = {transaction}",
    "commands": "DELETE FROM commands WHERE transaction_id = {transaction}",
    "profiles": "UPDATE profiles SET metadata = '{{}}' WHERE wallet_id = {one}",
    "dead_letters": "UPDATE dead_letters SET reason = '' WHERE partition = 0",
    "progress": "UPDATE partitions SET mispartitioned = 0",
}
"""What differs -> what was done to the first ledger's database."""


def test_planted_differences_are_found(played: Played) -> None:
    """Rows that were changed or removed in the first ledger's database are named, and no others."""
    damaged = replays.copied(played.ledger.settings, "damaged")
    with rows(damaged, "SELECT account_id::text, transaction_id::text FROM entries"
              " WHERE sequence = 2 LIMIT 1") as found:  # fmt: skip
        one, transaction = (f"'{each}'" for each in found[0])
    for table in ("entries", "commands"):
        execute(damaged, f"ALTER TABLE {table} DISABLE TRIGGER append_only")
    for damage in DAMAGE.values():
        execute(damaged, damage.format(one=one, transaction=transaction))
    outcome = into(damaged, Wish(into="compared", fresh=True), untold)
    assert not outcome.equal
    told = {difference.what.removeprefix("a row of ") for difference in outcome.differences}
    assert told == DAMAGE.keys()
    differing = {name for name, table in outcome.tables.items() if not table.equal}
    assert differing == {*DAMAGE.keys() - {"progress"}, "partitions"}
    assert transaction[1:-1] in str(outcome.differences)


def test_a_restored_database_catches_up(played: Played, restored: Settings) -> None:
    """From the backup to what the logs say; after a dry run it is as it was."""
    _, differences = replays.compared(played.ledger.settings, restored)
    assert differences, "the backup is older"
    tried = catch_up(restored, untold, dry_run=True)
    assert tried.dry_run
    assert replays.compared(played.ledger.settings, restored)[1] == differences
    outcome = catch_up(restored, untold, dry_run=False)
    assert outcome.equal
    assert outcome.commands == tried.commands > 600
    assert replays.compared(played.ledger.settings, restored)[1] == []


def test_a_catch_up_that_breaks_off_leaves_all_as_it_was(
    played: Played, restored: Settings
) -> None:
    """It is one transaction: there is no half of it."""
    before = replays.compared(played.ledger.settings, restored)

    def stop(stage: str, _done: int, _total: int) -> None:
        if stage == "commands":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        catch_up(restored, stop, dry_run=False)
    assert replays.compared(played.ledger.settings, restored) == before


def test_a_worker_that_starts_ends_a_catch_up(played: Played, restored: Settings) -> None:
    """It takes the partition away, refuses what it finds, and all is as it was."""
    before = replays.compared(played.ledger.settings, restored)
    place = Place(restored.topics.commands.name, 0, restored.partitions)
    refused: list[str] = []

    def start_worker(stage: str, _done: int, _total: int) -> None:
        if stage == "commands":
            with pytest.raises(InconsistentError) as error:
                claim(restored, place, "early@here:0", lambda: True)
            refused.append(str(error.value))

    with pytest.raises(psycopg2.OperationalError):
        catch_up(restored, start_worker, dry_run=False)
    assert "wallet replay --catch-up" in refused[0]
    assert replays.compared(played.ledger.settings, restored) == before


def test_a_wiped_database_is_filled_again(played: Played) -> None:
    """An empty one, migrated, catches up from the first command on."""
    settings = played.ledger.settings
    with replays.administering(settings) as cursor:
        cursor.execute("CREATE DATABASE wiped")
    wiped = settings.model_copy(
        update={"database_url": f"{settings.database_url.rpartition('/')[0]}/wiped"}
    )
    upgrade(wiped.database_url, 30.0, ignore)
    assert catch_up(wiped, untold, dry_run=False).equal
    assert replays.compared(settings, wiped)[1] == []


def test_a_replay_from_the_middle_equals_too(played: Played) -> None:
    """What was before is copied as it was then, and no transfer is torn apart."""
    place = replayed(played, "planned", dry_run=True).partitions[2]
    start = From({2: place.end // 2, 0: 40})
    outcome = replayed(played, "from_the_middle", start=start)
    assert outcome.equal, outcome.differences
    begun = {span.partition: span.start for span in outcome.partitions}
    assert all(begun[partition] <= offset for partition, offset in start.offsets.items())
    assert all(found.equal for found in outcome.tables.values())
    middle = datetime.fromisoformat(played.ledger.results()[300]["recorded_at"])
    outcome = replayed(played, "from_the_middle", start=From(time=middle), fresh=True)
    assert outcome.equal
    assert any(span.start for span in outcome.partitions)


def test_one_partition_waits_for_the_others(played: Played) -> None:
    """Transfers from elsewhere are missing: the replay says which wallets it waits for."""
    with pytest.raises(Failure, match="waits for wallet"):
        replayed(played, "one_partition", partitions=frozenset({1}), fresh=True)


def test_balances_of_the_past(played: Played) -> None:
    """A wallet's balance after each of its changes: by sequence, by place in the log, by time."""
    told = [events.decode(message.value() or b"") for message in played.ledger.events()]
    wallet_id = told[0].wallet_id
    own = [event for event in told if event.wallet_id == wallet_id]
    with Looking(played.ledger.settings.database_url) as looking:
        past, wallet = Past(looking), looking.wallet(wallet_id)
        assert wallet is not None
        for event in own:
            found = past.at_sequence(wallet, event.sequence)
            assert (found.balance, found.sequence) == (event.balance.after, event.sequence)
            at = Offset(event.command.partition, event.command.offset)
            assert past.at_offset(wallet, at) == found
        last = past.at_time(wallet, datetime.fromisoformat(wallet.updated_at))
        assert last.balance == wallet.balance
        with pytest.raises(NeverSoError, match="has had"):
            past.at_sequence(wallet, wallet.sequence + 1)
        with pytest.raises(NeverSoError, match="has come to"):
            past.at_offset(wallet, Offset(0, 10**9))
        with pytest.raises(NeverSoError, match="knows no partition"):
            past.at_offset(wallet, Offset(99, 0))
        with pytest.raises(NeverSoError, match="still to come"):
            past.at_time(wallet, datetime.now(UTC) + timedelta(hours=9))
        with pytest.raises(NeverSoError, match="was opened"):
            past.at_time(wallet, datetime(2020, 1, 1, tzinfo=UTC))


def test_the_command_line(played: Played, tmp_path: Path) -> None:
    """Balances of the past, statements, a dry run, and what is wrong about the words said."""
    told = [events.decode(message.value() or b"") for message in played.ledger.events()]
    shell, wallet = Shell(played.ledger.settings), told[0].wallet_id
    own = [event for event in told if event.wallet_id == wallet]
    third = shell("balance", wallet, "--sequence", 3, "--json").json
    assert (third["balance"], third["sequence"]) == (own[2].balance.after, 3)
    assert shell("balance", wallet, "--offset", third["command"], "--json").json == third
    assert shell("balance", wallet, "--at", "2020-01-01").complained.startswith("the wallet was")
    for words in (("--sequence", 1, "--at", "2020-01-01"), ("--offset", "3"), ("--at", "noon")):
        assert shell("balance", wallet, *words).code == 2
    for asked in ((), ("--into", "x", "--catch-up"), ("--into", "x", "--partition", 9)):
        assert shell("replay", *asked).code == 2
    for words, why in (
        (("--from-offset", "0:99999"), "has come to offset"),
        (("--from-time", "2099-01-01"), "is to come"),
        (("--partition", 1, "--from-offset", "0:1"), "--partition leaves that one out"),
    ):
        refused = shell("replay", "--into", "unmade", *words)
        assert (refused.code, why in refused.complained) == (2, True), refused
    planned = shell("replay", "--into", "unmade", "--dry-run", "--json").json
    assert (planned["dry_run"], planned["equal"]) == (True, None)
    key, path = tmp_path / "key", tmp_path / "statement.json"
    key.write_bytes(b"k" * 32)
    made = shell("statement", "export", wallet, "--key", key)
    assert [line["sequence"] for line in made.json["lines"]] == [e.sequence for e in own]
    assert made.json["closing"]["balance"] == own[-1].balance.after
    path.write_text(made.said)
    assert "by this key" in shell("statement", "check", path, "--key", key).said
    path.write_text(made.said.replace(own[1].transaction.id, own[2].transaction.id))
    assert "signature" in shell("statement", "check", path, "--key", key).complained
    since = own[5].transaction.recorded_at
    later = shell("statement", "export", wallet, "--from", since).json
    assert later["opening"]["sequence"] + len(later["lines"]) == own[-1].sequence
    assert 0 < len(later["lines"]) < len(own)


def test_a_role_that_may_not_make_databases(played: Played) -> None:
    """No difference was found: exit code 2, and what to grant."""
    settings = played.ledger.settings
    role = f"{settings.application}_reader".replace("-", "_")
    execute(settings, f"CREATE ROLE {role} LOGIN")
    execute(settings, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    address = make_url(settings.database_url).set(username=role).render_as_string()
    shell = Shell(settings.model_copy(update={"database_url": address}))
    done = shell("replay", "--into", "unmade", "--json")
    assert (done.code, "CREATEDB" in done.complained) == (2, True), done


def test_tables_that_cannot_be_made_are_no_difference(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks at the exit code alone must not take the ledger for a wrong one."""

    def refuse(_url: str) -> None:
        raise Failure("the migrations of it failed: no space left on device")

    shell = Shell(played.ledger.settings)
    with monkeypatch.context() as patched:
        patched.setattr("wallet.replay.databases.migrate.upgrade", refuse)
        done = shell("replay", "--into", "half_made")
    assert (done.code, "half_made could not be made: the" in done.complained) == (3, True)
    assert shell("replay", "--into", "half_made").code == 2, "it is there"
    assert shell("replay", "--into", "half_made", "--fresh").code == 0


def test_phones_are_counted_again(played: Played) -> None:
    """From the events come the same totals as from the journal; what was wrong is right again."""
    settings = played.ledger.settings
    execute(
        settings,
        "INSERT INTO sellers (wallet_id, created_at, updated_at, name, email, phone)"
        " SELECT wallet_id, now(), now(), wallet_id, wallet_id, wallet_id FROM wallets LIMIT 7",
    )
    first = count_again(settings, lambda _: None)
    assert (first.changed, first.events) == (False, len(played.ledger.events()))
    assert first.sales > 20
    execute(settings, "UPDATE charged_phones SET total_minor = total_minor + 1")
    execute(settings, "DELETE FROM phone_sales")
    assert count_again(settings, lambda _: None).changed
    assert count_again(settings, lambda _: None) == first
