"""Which balances a batch of events leaves to be published: pure."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from consumers.kit.reading import Told
from schemas import balances

Header = tuple[str, bytes]

_VERSION: Final = ("ce_specversion", b"1.0")
_SOURCE: Final = ("ce_source", balances.SOURCE.encode())
_TYPE: Final = ("ce_type", balances.BALANCE.encode())
_CONTENT_TYPE: Final = ("content-type", b"application/json")
_EVENT: Final = "event"
"""The header that tells the event's place: PARTITION:OFFSET."""


class Balance(NamedTuple):
    """One record to publish."""

    partition: int
    key: bytes
    value: bytes
    headers: list[Header]


def newest(told: Iterable[Told]) -> dict[str, Told]:
    """The last event of each wallet, of events in the order of the log."""
    found: dict[str, Told] = {}
    for each in told:
        before = found.get(each.event.wallet_id)
        if before is None or before.event.sequence < each.event.sequence:
            found[each.event.wallet_id] = each
    return found


def is_history(told: Told, ends: Mapping[int, int]) -> bool:
    """Whether this event may have been told before, and a newer one of its wallet too.

    `ends` is where the log of each partition ended when it became ours: nobody has read further.
    """
    return told.offset < ends.get(told.partition, 0)


def record_of(told: Told) -> Balance:
    """The record that tells the balance after an event."""
    event = told.event
    subject = event.wallet_id.encode()
    headers = [
        _VERSION,
        ("ce_id", told.id.encode()),
        _SOURCE,
        _TYPE,
        ("ce_time", event.transaction.recorded_at.encode()),
        ("ce_subject", subject),
        ("ce_causationid", event.command.id.encode()),
        _CONTENT_TYPE,
        ("src", b"%d:%d" % (event.command.partition, event.command.offset)),
        (_EVENT, b"%d:%d" % (told.partition, told.offset)),
    ]
    value = balances.encode(balances.balance_of(event))
    return Balance(told.partition, subject, value, headers)
