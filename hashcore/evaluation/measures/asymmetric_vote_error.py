"""AH kNN error@k: the error of a vote of the k nearest items by asymmetric distance (HDML §4, eq. 11)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hashcore import asymmetric
from hashcore.errors import InvalidInputError
from hashcore.evaluation.measure import Measure, Value
from hashcore.evaluation.measures.vote_error import error_of
from hashcore.evaluation.ranking import Ranking
from hashcore.neighbors import Neighbors


@dataclass(frozen=True)
class AsymmetricVoteError(Measure):
    """Error of a vote of the k nearest items by the asymmetric distance to the queries' projections."""

    forms = ("AH kNN error@{k}",)
    protocol = "neighbors by asymmetric distance (HDML eq. 11), then id; of equal votes the class seen nearest"
    k: int

    def of(self, ranking: Ranking) -> Value:
        """Return the share of queries whose class the vote misses.

        Raises:
            InvalidInputError: If there are no projections.
        """
        if ranking.projections is None:
            raise InvalidInputError("measure AH kNN error: the asymmetric distance needs the queries' projections")
        database, queries = ranking.projections
        rows = asymmetric.knn_search(ranking.database, queries, self.k, scale=asymmetric.bit_scale(database))
        offsets = np.arange(len(rows) + 1, dtype=np.int64) * self.k
        return Value(error_of(Neighbors(offsets, rows.ravel(), np.zeros(rows.size, np.uint16)), ranking, self.k))
