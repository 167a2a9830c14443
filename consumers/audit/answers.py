"""Which contents have been answered under which command key: what repetition means."""

from typing import Final


class Answers:
    """The first content of every key, and every other content that was refused as reused."""

    def __init__(self) -> None:
        self._first: Final[dict[str, str]] = {}
        self._others: Final[set[tuple[str, str]]] = set()

    def has(self, key: str) -> bool:
        """Whether any content has been answered under this key."""
        return key in self._first

    def knows(self, key: str, fingerprint: str) -> bool:
        """Whether this content has been answered, if only with a refusal."""
        return self._first.get(key) == fingerprint or (key, fingerprint) in self._others

    def add(self, key: str, fingerprint: str) -> bool:
        """Remember a content; tells whether it is the first under its key."""
        if self._first.setdefault(key, fingerprint) == fingerprint:
            return True
        self._others.add((key, fingerprint))
        return False
