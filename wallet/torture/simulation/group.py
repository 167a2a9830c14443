"""The consumer group: who has which partitions, by generations. Members notice when they do."""

import random
from typing import Final


class Group:
    """Assignments by chance, a new one with every change of the members."""

    def __init__(self, chance: random.Random, partitions: int) -> None:
        self._chance = chance
        self._partitions = partitions
        self.members: Final[list[str]] = []
        self.generation = 0
        self._assigned: dict[int, str] = {}

    def join(self, name: str) -> None:
        """Come in, or come in again."""
        if name not in self.members:
            self.members.append(name)
        self.deal()

    def leave(self, name: str) -> None:
        """Go, or be put out."""
        if name in self.members:
            self.members.remove(name)
            self.deal()

    def deal(self) -> None:
        """Begin a new generation, with other owners perhaps."""
        self.generation += 1
        keep = self._chance.random() < 0.5  # noqa: PLR2004 - a sticky assignor, half the time
        for partition in range(self._partitions):
            owner = self._assigned.get(partition)
            if not (keep and owner in self.members):
                self._assigned[partition] = self._draw()

    def _draw(self) -> str:
        return self._chance.choice(self.members) if self.members else ""

    def partitions_of(self, name: str) -> list[int]:
        """What a member has in this generation."""
        return [partition for partition, owner in self._assigned.items() if owner == name]
