"""For consumers of the ledger's events: what docs/CONSUMING.md tells.

A consumer is a Projection: a name, its tables, and what to do with events. The kit reads what is
committed, each event once, in the order of its wallet, and keeps its place in the same transaction.
"""

from consumers.kit.projection import PoisonError, Projection
from consumers.kit.reading import Told
from consumers.kit.running import run

__all__ = ["PoisonError", "Projection", "Told", "run"]
