"""Names are computed, so that a replay gives the same ones."""

from uuid import RFC_4122, UUID, uuid5

import pytest
from aiokafka import partitioner
from hypothesis import given
from hypothesis import strategies as st

from schemas import identifiers
from schemas.settings import PARTITIONS_MAX

KAFKAS = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}
"""Known values of Kafka's own test of its murmur2 (org.apache.kafka.common.utils), signed."""

texts = st.text(max_size=40)
moments = st.integers(0, 2**48 - 1)
places = st.tuples(st.integers(0, PARTITIONS_MAX - 1), st.integers(0, 2**32 - 1))
"""Partition and offset of a record."""


@pytest.mark.parametrize("key", list(KAFKAS))
def test_murmur2_is_kafkas(key: bytes) -> None:
    """Kafka's known values, as unsigned numbers."""
    assert identifiers.murmur2(key) == KAFKAS[key] % 2**32


@given(st.binary(max_size=80))
def test_murmur2_agrees_with_another_client(key: bytes) -> None:
    """The partitioner of aiokafka, written by others, gives the same for every length of key."""
    assert identifiers.murmur2(key) == partitioner.murmur2(key) % 2**32


@given(st.uuids(), st.integers(1, 1000))
def test_a_wallet_lives_where_javas_partitioner_puts_it(wallet: UUID, partitions: int) -> None:
    """The same partition as aiokafka's default, which is Java's."""
    everyone = list(range(partitions))
    theirs = partitioner.DefaultPartitioner()(str(wallet).encode(), everyone, everyone)
    assert identifiers.partition_of(str(wallet), partitions) == theirs


@given(texts, texts, texts, texts)
def test_only_equal_pairs_share_a_digest(
    source: str, name: str, other_source: str, other_name: str
) -> None:
    """Where the source ends is part of what is digested."""
    same = (source, name) == (other_source, other_name)
    digests = identifiers.digest(source, name), identifiers.digest(other_source, other_name)
    assert (digests[0] == digests[1]) == same


@given(texts.filter(bool), texts)
def test_moving_the_boundary_changes_the_digest(first: str, rest: str) -> None:
    """("a", "bc") is not ("ab", "c"), whatever separators a name holds."""
    whole = first + rest
    digests = {identifiers.digest(whole[:cut], whole[cut:]) for cut in range(len(whole) + 1)}
    assert len(digests) == len(whole) + 1


@given(texts, texts | st.uuids().map(str))
def test_a_command_key_is_a_uuid_of_source_and_id(source: str, command_id: str) -> None:
    """PostgreSQL takes it as a UUID; another source gives another key."""
    key = identifiers.command_key(source, command_id)
    assert identifiers.is_uuid(key)
    named = identifiers.digest(source, command_id)
    assert key == identifiers.command_key(source, command_id, named)
    assert key != identifiers.command_key(f"{source}'", command_id)


def test_keys_of_time_ordered_ids_grow_at_one_end() -> None:
    """The first half of a UUIDv7 id stays in front of its key."""
    command_id = "01930f6e-3c00-7000-8000-00000000000a"
    assert identifiers.command_key("/till", command_id).startswith("01930f6e-3c00-7000-")


@given(moments, places, texts, texts)
def test_a_transaction_id_is_a_uuid_of_version_8(
    at_ms: int, place: tuple[int, int], source: str, name: str
) -> None:
    """48 bits of time in front, then the record's place, at last a hash of the command."""
    found = UUID(identifiers.transaction_id(at_ms, *place, identifiers.digest(source, name)))
    assert (found.version, found.variant) == (8, RFC_4122)
    partition, offset = place
    assert found.int >> 80 == at_ms
    assert found.int >> 64 & 0xFFF == partition
    assert found.int >> 28 & 0xFFFFFFFF == offset % 2**32
    assert f"{found.int & 0xFFFFFFF:07x}" == identifiers.digest(source, name)[:7]


@given(moments, moments, places, places)
def test_transaction_ids_sort_by_time(
    one: int, two: int, place: tuple[int, int], other: tuple[int, int]
) -> None:
    """As text, and so in the index, later commands come later."""
    first = identifiers.transaction_id(one, *place, identifiers.digest("", "a"))
    second = identifiers.transaction_id(two, *other, identifiers.digest("", "b"))
    if one != two:
        assert (first < second) == (one < two)


@given(
    moments,
    st.lists(places, min_size=2, max_size=9, unique=True),
    st.text("0123456789abcdef", max_size=32),
)
def test_no_two_records_share_a_transaction_id(
    at_ms: int, found: list[tuple[int, int]], name: str
) -> None:
    """Not those of one moment whose hashes agree either, which a sender can find; in log order."""
    found.sort()
    made = [identifiers.transaction_id(at_ms, *place, name.ljust(32, "0")) for place in found]
    assert len(set(made)) == len(made)
    assert sorted(made) == made


@given(st.uuids(), st.integers(1, 2**63 - 1))
def test_an_event_id_is_a_uuid_of_version_5(wallet: UUID, sequence: int) -> None:
    """The same as Python's own uuid5 in the namespace of our events."""
    found = UUID(identifiers.event_id(str(wallet), sequence))
    assert (found.version, found.variant) == (5, RFC_4122)
    namespace = UUID("6f1cf2f6-1b3c-5d0c-9d7b-0a5c2e4f8a11")
    assert found == uuid5(namespace, f"{wallet}/{sequence}")


@pytest.mark.parametrize(
    "text",
    [
        "", "01930F6E-3c00-7000-8000-00000000000a", "01930f6e3c0070008000-00000000000a",
        "{01930f6e-3c00-7000-8000-00000000000a}", "01930f6e-3c00-7000-8000-00000000000a\n",
        " 01930f6e-3c00-7000-8000-00000000000a", "01930f6e-3c00-7000-8000-00000000000g",
        "01930f6e-3c00-7000-8000-00000000000\u0663",
    ],
)  # fmt: skip
def test_a_uuid_has_one_form(text: str) -> None:
    """Lower-case with hyphens and nothing around it, so that one wallet has one key."""
    assert not identifiers.is_uuid(text)
    assert identifiers.is_uuid("01930f6e-3c00-7000-8000-00000000000a")
