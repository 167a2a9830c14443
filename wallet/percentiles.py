"""Percentiles by the nearest rank: a value that was really there, the largest for 100."""

from collections.abc import Sequence


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The least of ordered values that `percent` of a hundred of them do not exceed; 1 to 100."""
    return ordered[-(-len(ordered) * percent // 100) - 1]
