"""Which Idempotency-Keys are in work in this gateway, and which it has met of late."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from producers.http.v1.problems import problem

RECENT_MAX: Final = 50_000
"""Keys that are remembered, some 150 bytes each. A client that got no answer comes again within
seconds; a key that is forgotten is answered just as well, only 0.3 s later."""

Name = tuple[str, str]
"""The source of a command and its id, which is the key."""


class Keys:
    """The keys of one gateway."""

    def __init__(self) -> None:
        self._in_work: set[Name] = set()
        self._recent: OrderedDict[Name, None] = OrderedDict()

    @contextmanager
    def held(self, name: Name) -> Iterator[bool]:
        """Hold a key while its command is in work; gives whether it was met before.

        Raises EarlyError 409 while another request holds it.
        """
        if name in self._in_work:
            words = "The first request with this Idempotency-Key is still in work."
            raise problem("idempotency_key_in_use", words, context={"key": name[1]})
        is_recent = self.met(name)
        self._in_work.add(name)
        try:
            yield is_recent
        finally:
            self._in_work.discard(name)

    def met(self, name: Name) -> bool:
        """Remember a key; whether it was met before."""
        is_recent = name in self._recent
        self._recent[name] = None
        if len(self._recent) > RECENT_MAX:
            self._recent.popitem(last=False)
        return is_recent
