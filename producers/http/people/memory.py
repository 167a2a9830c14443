"""What was looked up a moment ago: bounded in time and in number."""

from collections import OrderedDict
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Memory(Generic[Key, Value]):
    """Values for some seconds each, at most so many: the oldest go first."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._kept: OrderedDict[Key, tuple[float, Value]] = OrderedDict()

    def get(self, key: Key, now: float) -> Value | None:
        """What is known, unless it is too old; `now` is of one monotonic clock."""
        found = self._kept.get(key)
        if found is None:
            return None
        if found[0] <= now:
            del self._kept[key]
            return None
        return found[1]

    def put(self, key: Key, value: Value, now: float) -> None:
        """Know it from now on."""
        self._kept.pop(key, None)
        self._kept[key] = (now + self._seconds, value)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def forget(self, key: Key) -> None:
        """Look it up again the next time."""
        self._kept.pop(key, None)
