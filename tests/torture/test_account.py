"""The load's own account: every kind of damage that is planted is counted, and nothing else."""

from collections import Counter

import msgspec
import pytest

from schemas import results
from schemas.results import AnyResult
from wallet.torture.account import Account, Place, Tally, Told
from wallet.torture.draw import SOURCE, Draft, Expected
from wallet.torture.faults import Raw

WALLET, OTHER = "w", "o"


def result(place: Place, own_id: str, **changes: object) -> Told:
    """A completed result of a command of the load."""
    partition, offset = place
    command = {
        "source": SOURCE, "id": own_id, "type": "deposit.v1", "topic": "commands",
        "partition": partition, "offset": offset,
    }  # fmt: skip
    body = {
        "command": command, "status": "completed", "wallet_id": WALLET, "recorded_at": "",
        "sequences": {WALLET: 1}, **changes,
    }  # fmt: skip
    return Told(place, msgspec.convert(body, AnyResult))


def reused(place: Place, own_id: str) -> Told:
    """A refusal for an id that was used with another content."""
    error = {
        "code": "idempotency_key_reused", "title": "", "detail": "", "param": "id",
        "retryable": False, "context": {}, "doc_url": "",
    }  # fmt: skip
    return result(place, own_id, status="rejected", error=error)


class Books:
    """An account of a deposit of 5.00, its repetition, and another content under its id."""

    def __init__(self) -> None:
        self.account = Account()
        deposit = Draft(Raw(b"w", b"five"), "commands", "a", ((WALLET, 500),))
        self.put(deposit, (0, 0))
        self.put(deposit, (1, 0))
        self.put(deposit._replace(raw=Raw(b"w", b"six"), effect=((WALLET, 600),)), (0, 1))
        self.put(Draft(Raw(b"w", b"bad"), "poison", None, (), Expected(0, 1)), (0, 2))
        self.put(Draft(Raw(b"w", b"wild"), "from faults"), (0, 3))
        self.results = [result((0, 0), "a"), reused((0, 1), "a"), result((0, 3), "x")]
        self.letters = Counter({(0, 2): 1})
        self.balances = {OTHER: 0}

    def put(self, draft: Draft, place: Place) -> None:
        """Send a record and find it in the log."""
        self.account.delivered(self.account.note(draft), place)

    def judge(self) -> Tally:
        """What is off."""
        return self.account.judge(self.results, self.letters, self.balances)


@pytest.fixture
def books() -> Books:
    """Books in which nothing is off."""
    return Books()


def test_nothing_is_off(books: Books) -> None:
    """A repetition has no result of its own; balances of strangers' commands are not known."""
    tally = books.judge()
    assert (tally.clean, tally.first) == (True, [])


def test_a_result_is_missing(books: Books) -> None:
    """Of two contents under one id only one has a result."""
    del books.results[1]
    assert books.judge().missing == 1


def test_a_repetition_has_a_result_of_its_own(books: Books) -> None:
    """On another partition, where no order tells."""
    books.results.append(result((1, 0), "a"))
    tally = books.judge()
    assert (tally.doubled, tally.missing) == (1, 0)


def test_one_place_has_two_results(books: Books) -> None:
    """The same result twice in the log."""
    books.results.insert(1, books.results[0])
    assert books.judge().doubled >= 1


def test_results_in_another_order(books: Books) -> None:
    """A result stands before that of an earlier command."""
    books.results.reverse()
    assert books.judge().out_of_order > 0


def test_both_contents_are_done(books: Books) -> None:
    """The second content under an id was not refused."""
    books.results[1] = result((0, 1), "a")
    assert books.judge().differing == 1


def test_poison_without_its_letter(books: Books) -> None:
    """Or with two, or with a result instead."""
    books.letters.clear()
    assert books.judge().missing == 1
    books.letters[0, 2] = 2
    assert books.judge().doubled == 1
    books.results.insert(2, result((0, 2), "poison"))
    assert books.judge().doubled == 2


def test_a_wild_record_that_came_to_nothing(books: Books) -> None:
    """Unless the same bytes came before: then it is a repetition."""
    del books.results[2]
    assert books.judge().missing == 1
    books.put(Draft(Raw(b"w", b"wild"), "from faults"), (0, 4))
    assert books.judge().missing == 0


def test_a_balance_that_is_no_sum(books: Books) -> None:
    """Of the wallet that only our own commands have touched."""
    del books.results[2]
    books.put(Draft(Raw(b"w", b"wild"), "from faults"), (0, 4))
    books.balances = {WALLET: 500}
    assert books.judge().clean
    books.balances = {WALLET: 501}
    assert books.judge().differing == 1


def test_a_withdrawal_takes_and_gives_back(books: Books) -> None:
    """When it is executed, and when the bank did not pay; a refused execution takes nothing."""
    withdrawal = {"id": "n", "amount": "2.00", "currency": "IRR", "due_at": ""}
    steps = ["scheduled", "executing", "failed"]
    for offset, status in enumerate(steps, 10):
        said = {**withdrawal, "status": status}
        books.results.append(result((0, offset), status, withdrawal=said))
    del books.results[2]
    books.put(Draft(Raw(b"w", b"wild"), "from faults"), (0, 4))
    books.balances = {WALLET: 500}
    assert books.judge().clean
    del books.results[-1]
    assert books.judge().differing == 1


def test_results_are_read_as_the_ledger_writes_them() -> None:
    """The doubles above are what the decoder of results gives."""
    assert results.decode(msgspec.json.encode(result((0, 0), "a").result)).command.id == "a"
