"""Commands as records: CloudEvents in binary mode, that the ledger decodes to what was meant."""

import uuid

import msgspec
import pytest

from producers.message import message_from, message_of, uuid7
from schemas import vectors
from schemas.cloudevents import read
from schemas.commands import TYPES, Command
from schemas.decoding import decode

WALLET = "01930f6e-0000-7000-8000-000000000001"
DEPOSIT = {"wallet_id": WALLET, "amount": "50.00", "reference": "order 17"}


def test_ids_are_time_ordered_uuids_of_version_7() -> None:
    """Random within a millisecond, ordered across them."""
    made = [uuid7() for _ in range(200)]
    assert len(set(made)) == 200
    read_back = [uuid.UUID(each) for each in made]
    assert {(each.version, each.variant) for each in read_back} == {(7, uuid.RFC_4122)}
    assert [each.int >> 80 for each in read_back] == sorted(each.int >> 80 for each in read_back)
    assert str(read_back[0]) == made[0]


def test_the_ledger_reads_what_was_meant() -> None:
    """Key, id, source, type, data and what travels on."""
    message = message_of(
        "deposit.v1",
        DEPOSIT,
        source="/shop",
        command_id="17",
        attributes={"correlationid": "cart 9", "expirytime": "2026-11-20T10:00:00Z"},
    )
    decoded = decode(message.key, message.value, message.headers)
    assert isinstance(decoded, Command)
    assert (decoded.id, decoded.source, decoded.type) == ("17", "/shop", "deposit.v1")
    assert decoded.data.wallet_id == WALLET
    assert decoded.extras == {"correlationid": "cart 9"}
    assert decoded.expires_at is not None


@pytest.mark.parametrize("command_type", list(TYPES))
def test_a_struct_means_what_its_fields_mean(command_type: str) -> None:
    """Type, key and content are those of the type with its data."""
    data = vectors.examples()[command_type].value
    struct = msgspec.convert(data, TYPES[command_type])
    one = message_of(struct, command_id="7")
    two = message_of(command_type, data, command_id="7")
    assert one.key == two.key
    told = decode(one.key, one.value, one.headers)
    assert isinstance(told, Command)
    assert told.data == struct
    assert told == decode(two.key, two.value, two.headers)


def test_a_type_needs_its_data_and_a_struct_has_it() -> None:
    """Anything else is a slip of whoever calls."""
    with pytest.raises(AssertionError, match="needs its data"):
        message_of("deposit.v1")
    struct = msgspec.convert(DEPOSIT, TYPES["deposit.v1"])
    with pytest.raises(AssertionError, match="is the data"):
        message_of(struct, DEPOSIT)


def test_an_empty_id_is_none_and_not_a_new_one() -> None:
    """A variable that was not set: with ids of their own, two of them would both be done."""
    with pytest.raises(ValueError, match="the command's id is empty"):
        message_of("deposit.v1", DEPOSIT, command_id="")
    assert uuid.UUID(message_of("deposit.v1", DEPOSIT).id).version == 7


def test_what_names_no_wallet_has_no_key() -> None:
    """The ledger answers for it; the partitioner places it anywhere."""
    assert message_of("deposit.v1", {"wallet_id": "mine"}).key is None
    assert message_of("deposit.v1", {"wallet_id": 7}).key is None
    assert message_of("deposit.v1", {}).key is None


def test_a_structured_event_means_the_same_in_binary_mode() -> None:
    """`wallet send` reads the one and sends the other; id, content and fingerprint stay."""
    event: dict[str, object] = {"specversion": "1.0", "id": "1", "source": "/a"}
    event |= {
        "type": "deposit.v1",
        "time": "2026-11-20T10:00:00Z",
        "data": DEPOSIT,
        "traceparent": "00-1-2-01",
    }
    line = msgspec.json.encode(event)
    message = message_from(read(line, ()))
    assert message.key == WALLET.encode()
    assert decode(message.key, message.value, message.headers) == decode(None, line)


def test_an_event_without_a_readable_wallet_is_still_carried() -> None:
    """It has no key, and its data as it came."""
    line = b'{"specversion":"1.0","id":"1","source":"/a","type":"deposit.v1","data":[1]}'
    message = message_from(read(line, ()))
    assert (message.key, message.value) == (None, b"[1]")
