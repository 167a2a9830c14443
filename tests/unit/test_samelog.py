"""What is another command than the one that was processed, and what cannot be told."""

import json
from collections.abc import Sequence
from typing import cast

import pytest
from confluent_kafka import Message
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.decoding import Unreadable, decode
from schemas.results import CommandRef
from streams.samelog import another_command

KNOWN = CommandRef("/shop", "order-1", "deposit.v1", "commands", 0, 7)


class Record:
    """A record of the log, as a consumer gives it."""

    def __init__(
        self, value: bytes, headers: Sequence[tuple[str, bytes]] = (), *, is_broken: bool = False
    ) -> None:
        self._value, self._headers, self._is_broken = value, list(headers), is_broken

    def value(self) -> bytes:
        """Its value."""
        return self._value

    def headers(self) -> list[tuple[str, bytes]]:
        """Its headers; raises what confluent-kafka does for a name that is no UTF-8."""
        if self._is_broken:
            raise SystemError
        return self._headers


def structured(**attributes: str) -> Record:
    """A record in structured mode."""
    return Record(json.dumps({"specversion": "1.0", "data": {}, **attributes}).encode())


def binary(**attributes: str) -> Record:
    """A record in binary mode."""
    return Record(b"{}", [(f"ce_{name}", text.encode()) for name, text in attributes.items()])


def judged(record: Record | None) -> str | None:
    """What is said of it."""
    return another_command(cast("Message | None", record), KNOWN)


@pytest.mark.parametrize(
    "record",
    [
        structured(id="order-1", source="/shop"),
        structured(id="order-1"),
        binary(id="order-1", source="/shop", type="deposit.v1"),
        None,
        Record(b"{}", is_broken=True),
    ],
)
def test_the_same_or_nobody_knows(record: Record | None) -> None:
    """Then a claim goes on."""
    assert judged(record) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["ce_id", "ce_source", "ce_type", "ce_specversion", "ce_id\0", "ce_source\0x",
                 "ce_\0id", "content-type", "own"]
            ),
            st.one_of(
                st.sampled_from([b"1.0", b"deposit.v1", b"c1", b"/shop", b"application/json",
                                 b"application/cloudevents+json"]),
                st.text(max_size=300).map(str.encode),
                st.binary(max_size=3),
            ),
        ),
        max_size=7,
    ),
    st.one_of(
        st.binary(max_size=5),
        st.dictionaries(
            st.sampled_from(["id", "source", "type", "specversion", "data"]),
            st.one_of(st.text(max_size=300), st.none(), st.integers(), st.just("1.0")),
        ).map(lambda fields: json.dumps(fields).encode()),
    ),
)  # fmt: skip
@example([("ce_id", b"c1"), ("ce_source", b"/shop\0"), ("ce_type", b"deposit.v1")], b"{}")
@example([("ce_id", b"c1"), ("ce_source", b"/" * 300), ("ce_type", b"deposit.v1")], b"{}")
@example([("ce_id", b"c1"), ("ce_type", b"deposit.v1"), ("ce_id\0", b"other")], b"{}")
def test_what_was_processed_is_always_found_again(
    headers: list[tuple[str, bytes]], value: bytes
) -> None:
    """Whatever a client sends: else nobody could claim the partition any more.

    A worker reads names of headers whole; a claim's client ends each at a NUL.
    """
    decoded = decode(None, value, headers)
    if isinstance(decoded, Unreadable):
        return
    known = CommandRef(decoded.source, decoded.id, decoded.type, "commands", 0, 7)
    as_the_claim_reads_it = [(name.partition("\0")[0], text) for name, text in headers]
    record = Record(value, as_the_claim_reads_it)
    assert another_command(cast("Message", record), known) is None


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (structured(id="order-2", source="/shop"), "command order-2"),
        (binary(id="order-1", source="/other", type="deposit.v1"), "command order-1 of /other"),
        (Record(b"not JSON"), "a record that is no command"),
        (Record(b"\x00"), "a record that is no command"),
    ],
)
def test_another_one(record: Record, said: str) -> None:
    """Then it refuses."""
    assert judged(record) == said
