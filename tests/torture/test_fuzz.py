"""Hostile records by the seed: through the codec alone, and through a running ledger."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from schemas.commands import TYPES
from schemas.decoding import Decoded
from schemas.settings import Settings
from tests.ledgers import Ledger, opening
from tests.torture.stages import said
from tests.workers import Workers
from wallet.torture import fuzz, fuzz_faults
from wallet.torture.faults import FaultError, Raw
from wallet.torture.fuzz import Fuzz, judge

SEED = 20261127
ROUND = 1000
GROWTH_BYTES = 48 * 2**20
"""Of a worker, from the first thousand to the last; all that they hold is a third of that."""


def test_the_codec_answers_everything() -> None:
    """Good ones, refused ones and unreadable ones, of every type, some of each."""
    found = Counter(type(judge(record)).__name__ for record in Fuzz(SEED).records(4000))
    assert found.keys() == {"Command", "RefusedCommand", "Unreadable"}
    assert min(found.values()) > 200


def test_a_seed_repeats_itself() -> None:
    """The same records, and others from another seed; of the types asked for only."""
    one, again, other = ([*Fuzz(seed).records(300)] for seed in (SEED, SEED, SEED + 1))
    assert one == again != other
    deposits = [*Fuzz(SEED, types=("deposit.v1",)).records(300)]
    names = [name.encode() for name in TYPES if name != "deposit.v1"]
    assert not any(name in repr(each).encode() for each in deposits for name in names)


def test_a_record_without_an_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its seed and number: so it can be had again."""

    def refuse(*_: object) -> Decoded:
        raise RecursionError

    monkeypatch.setattr(fuzz, "decode", refuse)
    with pytest.raises(FaultError, match=f"record 0 of fuzz seed {SEED}"):
        fuzz_faults.decode_all(SEED, 10)


@pytest.mark.integration
def test_a_running_ledger_refuses_or_buries_each(
    new_ledger: Callable[..., Settings], tmp_path: Path
) -> None:
    """Neighbours are done, the worker lives, its memory stays; the auditor finds each one."""
    ledger = Ledger(new_ledger(), SEED)
    wallets = [ledger.wallet_on(partition) for partition in range(4)]
    records = Fuzz(SEED, tuple(wallets)).records(3 * ROUND)
    with Workers(ledger.settings, tmp_path) as workers:
        (worker,) = workers.start_and_hold()
        ledger.ask(*opening(ledger, wallets))
        sizes = []
        for _ in range(3):
            ledger.send(*(said(_sized(next(records))) for _ in range(ROUND)))
            neighbours = [ledger.command("deposit", wallet, amount="1.00") for wallet in wallets]
            answers = ledger.ask(*neighbours, timeout=60)
            assert {answer["src"][0] for answer in answers} == {0, 1, 2, 3}
            sizes.append(psutil.Process(worker.pid).memory_info().rss)
        findings = ledger.verify(60)
        assert worker.deaths == []
        assert sizes[-1] - sizes[0] < GROWTH_BYTES
        assert findings.counts["commands"] == ledger.sent


def _sized(record: Raw) -> Raw:
    """As it is: none is larger than a broker takes."""
    assert len(record.value or b"") < 900_000
    return record
