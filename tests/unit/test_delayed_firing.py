"""What is sent when: reports of deliveries that come late say nothing of the broker's clock."""

import time

from consumers.delayed.clocks import DatabaseClock
from consumers.delayed.firing import Firing
from consumers.delayed.outbox import Report, Reported
from consumers.delayed.timer import Timer
from consumers.delayed.window import Due, Page
from producers.message import Message

EPOCH = 1_790_000_000_000_000
HOUR_US = 3_600_000_000
WALLET = "01930f6e-3c00-7000-8000-00000000000a"
WITHDRAWAL = "01930f6e-3c00-7000-8000-00000000000b"


class SlowOutbox:
    """Takes every command, and reports when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Reported] = []

    def put(self, message: Message, reported: Reported) -> bool:
        """Queue it."""
        assert message.key
        self.waiting.append(reported)
        return True


def firing_one() -> tuple[Firing, SlowOutbox]:
    """A withdrawal that was due, and was sent while the clock still stood at EPOCH."""
    timer, clock, outbox = Timer(), DatabaseClock(), SlowOutbox()
    now = time.monotonic()
    clock.looked(EPOCH, 0, now, now)
    timer.gain([0])
    timer.read(Page(0, (0, ""), EPOCH + HOUR_US), [Due(EPOCH - 1000, WITHDRAWAL, WALLET)])
    firing = Firing(timer, clock, outbox)  # type: ignore[arg-type]  # all that is called of it
    assert firing.fire() == 1
    return firing, outbox


def test_a_stamp_tells_how_far_the_broker_is_behind() -> None:
    """Sent at a moment, stamped an hour earlier: what comes next waits for that hour."""
    firing, outbox = firing_one()
    outbox.waiting[0](Report(is_taken=True, stamped_us=EPOCH - HOUR_US))
    assert firing.behind.us >= HOUR_US


def test_what_was_sent_before_a_jump_and_reported_after_it_measures_nothing() -> None:
    """Both clocks were set back by an hour meanwhile: nothing is to wait for that hour."""
    firing, outbox = firing_one()
    firing.behind.forget()
    outbox.waiting[0](Report(is_taken=True, stamped_us=EPOCH - HOUR_US))
    assert firing.behind.us == 0
