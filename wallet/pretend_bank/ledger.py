"""The bank's own ledger: one JSON line a payment, in a file that survives kill -9.

A line is handed to the operating system before the bank answers, so what was said to be paid is in
the file, whatever happens to the process. In memory are only the place of each line and the newest
line of each key, some 200 bytes a payment.
"""

import fcntl
import os
from array import array
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from wallet.failure import Failure, Tell


class Call(msgspec.Struct, frozen=True):
    """What a caller asked for. Texts as they came; None where they were not said.

    `digest` stands for the whole body: two calls under one key must agree in it.
    """

    key: str | None
    wallet_uuid: str | None
    amount: str | None
    currency: str | None
    target: str | None
    withdrawal_id: str | None
    digest: str

    @property
    def identity(self) -> str | None:
        """What makes two calls the same payment: their key, else the withdrawal they name."""
        return self.key or self.withdrawal_id


class Payment(msgspec.Struct, frozen=True):
    """One execution, a line of the file.

    `number` counts from 1 without a gap. `times` says how often this key was executed by then: more
    than 1 is money paid twice. `at` is UTC with milliseconds.
    """

    number: int
    key: str | None
    wallet_uuid: str | None
    amount: str | None
    currency: str | None
    target: str | None
    withdrawal_id: str | None
    at: str
    times: int
    digest: str

    @property
    def identity(self) -> str | None:
        """As that of the call."""
        return self.key or self.withdrawal_id


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Payment)


class PaymentLedger:
    """Appends payments and finds them again; one process at a time has the file."""

    def __init__(self, file: Path, tell: Tell) -> None:
        """Read what is there; a torn last line is cut off, and told.

        Raises:
            Failure: another process has the file, it cannot be written, or a line before the last
                is damaged.

        """
        self._file = file
        # _ends[n] is the offset behind line n, so line n begins at _ends[n - 1].
        self._ends = array("Q", [0])
        self._newest: dict[str, int] = {}
        self._fd = _opened(file)
        try:
            self._lock()
            self._read(tell)
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self._ends) - 1

    def close(self) -> None:
        """Let the file go."""
        os.close(self._fd)

    def find(self, identity: str | None) -> Payment | None:
        """Give the newest payment under a key; None when it was never executed."""
        number = self._newest.get(identity) if identity is not None else None
        if number is None:
            return None
        begin, end = self._ends[number - 1], self._ends[number]
        return _decoder.decode(os.pread(self._fd, end - begin, begin))

    def append(self, call: Call) -> Payment:
        """Execute a payment: when this returns, the operating system has it.

        Raises:
            OSError: it could not be written; then it was not executed.

        """
        earlier = self.find(call.identity)
        payment = Payment(
            number=len(self) + 1,
            at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            times=earlier.times + 1 if earlier else 1,
            **msgspec.structs.asdict(call),
        )
        self._write(_encoder.encode(payment) + b"\n")
        self._remember(payment)
        return payment

    def page(self, after: int, limit: int) -> bytes:
        """Give the lines with numbers after this one, at most so many."""
        first = min(after, len(self))
        last = min(first + limit, len(self))
        return os.pread(self._fd, self._ends[last] - self._ends[first], self._ends[first])

    def _write(self, line: bytes) -> None:
        end = self._ends[-1]
        written = self._write_some(line)
        if written != len(line):  # the disk is full
            os.ftruncate(self._fd, end)
            raise OSError(f"{self._file} took {written} of {len(line)} bytes")
        self._ends.append(end + len(line))

    def _write_some(self, line: bytes) -> int:
        return os.write(self._fd, line)

    def _remember(self, payment: Payment) -> None:
        if payment.identity is not None:
            self._newest[payment.identity] = payment.number

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(
                f"another pretend bank writes {self._file}; give this one a --data of its own"
            ) from None

    def _read(self, tell: Tell) -> None:
        size = os.fstat(self._fd).st_size
        with self._file.open("rb") as lines:
            for line in lines:
                payment = self._decoded(line)
                if payment is None and self._ends[-1] + len(line) < size:
                    raise Failure(f"{self._file} is damaged at line {len(self) + 1}; move it away")
                if payment is None:
                    tell(f"{self._file}: cut a torn last line of {len(line)} bytes off")
                    os.ftruncate(self._fd, self._ends[-1])
                    return
                self._ends.append(self._ends[-1] + len(line))
                self._remember(payment)

    def _decoded(self, line: bytes) -> Payment | None:
        """The payment of the next line; None where it is torn or not the next one."""
        if not line.endswith(b"\n"):
            return None
        try:
            payment = _decoder.decode(line)
        except msgspec.DecodeError:
            return None
        return payment if payment.number == len(self) + 1 else None


def _opened(file: Path) -> int:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise Failure(f"cannot write {file}: {error.strerror}") from None
