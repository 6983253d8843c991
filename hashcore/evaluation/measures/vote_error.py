"""kNN error@k: share of queries that a vote of their k nearest items gives a wrong class (HDML §5)."""

from __future__ import annotations

from dataclasses import dataclass

from hashcore.evaluation.classification import classify
from hashcore.evaluation.measure import Measure, Value
from hashcore.evaluation.ranking import Ranking
from hashcore.hamming import knn_search
from hashcore.neighbors import Neighbors


@dataclass(frozen=True)
class VoteError(Measure):
    """Error of a vote of the k nearest items by (distance, row)."""

    forms = ("kNN error@{k}",)
    protocol = "neighbors by (distance, id); of equal votes the class seen nearest"
    k: int

    def of(self, ranking: Ranking) -> Value:
        """Return the share of queries whose class the vote misses."""
        return Value(error_of(knn_search(ranking.database, ranking.queries, self.k), ranking, self.k))


def error_of(neighbors: Neighbors, ranking: Ranking, k: int) -> float:
    """Return the share of queries whose class a vote of their first k neighbors misses."""
    return float((classify(neighbors, ranking.database_classes[neighbors.ids], k) != ranking.query_classes).mean())
