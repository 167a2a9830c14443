"""The load generator: what each mix is made of, and that a seed repeats."""

from collections import Counter

import pytest

from producers.load import MIXES, Load
from producers.message import Message
from schemas.commands import Command, SellCharge, Transfer
from schemas.decoding import decode
from wallet.bench.past import Wallets, wallet_id
from wallet.cli import bench_options

WALLETS = 20
COUNT = 400


def commands(messages: list[Message]) -> list[Command]:
    """The messages as the ledger reads them; each must be one it would decide."""
    found = []
    for message in messages:
        decoded = decode(message.key, message.value, message.headers)
        assert isinstance(decoded, Command), decoded
        found.append(decoded)
    return found


@pytest.mark.parametrize("mix", MIXES)
def test_a_seed_repeats_and_no_id_does(mix: str) -> None:
    """The same seed gives the same commands, another gives others, and each has its own id."""
    one, two, other = (
        [(m.id, m.value) for m in Load(seed, WALLETS).commands(COUNT, mix)] for seed in (1, 1, 2)
    )
    assert one == two
    assert len({name for name, _ in one} | {name for name, _ in other}) == 2 * COUNT


@pytest.mark.parametrize("mix", MIXES)
def test_every_command_is_one_of_the_ledger(mix: str) -> None:
    """All of a mix, and what opens its wallets, can be decided; transfers are as many as told."""
    load = Load(1, WALLETS)
    assert len(commands([*load.opening()])) == 2 * WALLETS
    kinds = Counter(type(each.data) for each in commands([*load.commands(COUNT, mix)]))
    share = kinds[Transfer] / COUNT
    low, high = {"transfer": (1, 1), "mixed": (0.2, 0.4)}.get(mix, (0, 0))
    assert low <= share <= high


def test_one_seller_sells_to_all_others() -> None:
    """All commands are sales of one wallet; every other wallet is paid, it never is itself."""
    load = Load(1, WALLETS)
    data = [each.data for each in commands([*load.commands(COUNT, "one-seller")])]
    assert {type(each) for each in data} == {SellCharge}
    assert {each.wallet_id for each in data} == {load.wallets[0]}
    paid = {each.to_wallet_id for each in data if isinstance(each, SellCharge)}
    assert paid == {*load.wallets[1:]}


def test_a_load_takes_wallets_that_are_there() -> None:
    """Commands go to wallets of a past, spread over the whole of it."""
    wallets = Wallets(WALLETS, 1000)
    assert [*wallets] == [wallet_id(number * 50) for number in range(WALLETS)]
    assert wallets[-1] == wallets[WALLETS - 1]
    assert wallets[2:4] == [wallet_id(100), wallet_id(150)]
    with pytest.raises(IndexError):
        wallets[WALLETS]
    load = Load(1, wallets)
    assert {each.data.wallet_id for each in commands([*load.commands(COUNT, "sale")])} == {*wallets}


def test_the_command_line_knows_the_same_mixes() -> None:
    """It has a list of its own, so that a worker need not import the load generator."""
    assert bench_options.MIXES == MIXES
