"""neighbors(r<=d): items within d bits, and the query itself (SparseHash, Tables 2 and 5)."""

from __future__ import annotations

from dataclasses import dataclass

from hashcore.evaluation.measure import WITHIN, Measure, Value
from hashcore.evaluation.ranking import Ranking


@dataclass(frozen=True)
class NeighborsWithin(Measure):
    """Mean number of items of the database within a radius, and the query itself."""

    forms = ("neighbors(r<={radius})",)
    protocol = WITHIN
    radius: int

    def of(self, ranking: Ranking) -> Value:
        """Return the mean over queries."""
        return Value(1 + float(ranking.all_counts[:, : self.radius + 1].sum(axis=1).mean()))
