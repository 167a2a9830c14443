r"""Unpacking fetched records, quickly, and also those whose header names are not UTF-8.

aiokafka raises UnicodeDecodeError on such a name, and again after every restart: one record of
somebody else's client would stop a partition for ever. Kafka itself and clients in other languages
do not care. So a fetch that fails is unpacked once more, by aiokafka's parser in Python with the
bad bytes of names written as `\xff`. Names that we read (`ce_*`, `content-type`) stay what they
are; all else about the record is untouched.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy
from msgspec import Struct

_MAGIC_AT: Final = 16
"""Where a batch says its format."""

_WITH_HEADERS: Final = 2
"""The format that has headers."""


class FetchedRecord(Struct, frozen=True, gc=False):
    """A record as we need it; `timestamp` in milliseconds.

    Made in a fifth of the time of aiokafka's ConsumerRecord, which has a Python initialiser.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class KeptRecords(MemoryRecords):  # type: ignore[misc] # no stubs
    """Fetched records that remember their bytes: the compiled parser does not give them."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


class PatientRecords(fetcher.PartitionRecords):  # type: ignore[misc] # no stubs
    """Records of one partition, from a fetch: unpacked quickly, or else leniently."""

    _records: Any
    _records_iterator: Iterator[Any]

    def __iter__(self) -> Iterator[Any]:
        """What is left, without a step of Python's from one record to the next."""
        return self._records_iterator

    def _consumer_record(self, tp: Any, record: Any) -> FetchedRecord:  # noqa: ANN401 - no stubs
        return FetchedRecord(
            tp.topic,
            tp.partition,
            record.offset,
            record.timestamp,
            record.timestamp_type,
            record.key,
            record.value,
            record.headers,
        )

    def _unpack_records(self) -> Iterator[Any]:
        try:
            yield from super()._unpack_records()
        except UnicodeDecodeError:
            # What was given out is skipped: next_fetch_offset stands at the record that failed.
            self._records = _LenientRecords(self._records.data)
            yield from super()._unpack_records()


def install() -> None:
    """Have aiokafka's fetcher use these. It offers no setting for it (0.14.0)."""
    fetcher.MemoryRecords = KeptRecords
    fetcher.PartitionRecords = PatientRecords


class _LenientRecords(_MemoryRecordsPy):  # type: ignore[misc] # no stubs
    def next_batch(self) -> Any:  # noqa: ANN401 - one of aiokafka's two kinds of batches
        slice_ = self._next_slice
        if slice_ is None or slice_[_MAGIC_AT] < _WITH_HEADERS:
            return super().next_batch()
        self._cache_next()
        return _LenientBatch(slice_)


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc] # no stubs
    _buffer: Any

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _LenientBytes(self._buffer)


class _LenientBytes(bytes):
    """Bytes that decode to text whatever they are, slices of them too."""

    __slots__ = ()

    def __getitem__(self, at: Any) -> Any:  # noqa: ANN401 - as bytes: an index or a slice
        found = super().__getitem__(at)
        return found if isinstance(found, int) else _LenientBytes(found)

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        """The text, with bytes that are none written out."""
        return super().decode(encoding, errors)
