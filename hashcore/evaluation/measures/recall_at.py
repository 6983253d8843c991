"""R@k: recall among the first k."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hashcore.arguments import check_whole
from hashcore.evaluation.counts import Counts, ratio, tied_groups
from hashcore.evaluation.measure import PerQuery
from hashcore.evaluation.ties import Floats, Ties, hits


def recall_at(all_counts: Counts, relevant_counts: Counts, k: int, ties: Ties = "expected") -> Floats:
    """Return the relevant items among the first k, divided by the relevant items of the database.

    Args:
        all_counts: Items at each distance, shape (q, L + 1).
        relevant_counts: Relevant items at each distance, shape (q, L + 1).
        k: Ranks that count.
        ties: Order of items at one distance.

    Returns:
        Values in [0, 1], shape (q,); NaN for a query without relevant items.
    """
    groups = tied_groups(all_counts, relevant_counts, ties)
    return ratio(hits(groups, groups.above(check_whole(k, "k", 1)), ties).sum(axis=1), groups.relevant.sum(axis=1))


@dataclass(frozen=True)
class RecallAt(PerQuery):
    """Mean recall among the first k."""

    forms: ClassVar[tuple[str, ...]] = ("R@{k}",)
    denominator: ClassVar[str] = "relevant items in the database"
    k: int

    def per_query(self, all_counts: Counts, relevant_counts: Counts, ties: Ties = "expected") -> Floats:
        """Return `recall_at` of each query, shape (q,)."""
        return recall_at(all_counts, relevant_counts, self.k, ties)
