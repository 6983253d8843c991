"""distinct codes: how many a database and its queries have together (SparseHash, Table 2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hashcore.evaluation.measure import Measure, Value
from hashcore.evaluation.ranking import Ranking


@dataclass(frozen=True)
class DistinctCodes(Measure):
    """Distinct codes of database and queries: the papers count over the whole set."""

    forms = ("distinct codes",)
    protocol = "all items"

    def of(self, ranking: Ranking) -> Value:
        """Return the number of distinct codes."""
        return Value(len(np.unique(np.concatenate([ranking.database, ranking.queries]), axis=0)))
