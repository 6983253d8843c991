"""R@k: recall among the first k."""

from __future__ import annotations

from hashcore.arguments import check_whole
from hashcore.evaluation.counts import Counts, ratio, tied_groups
from hashcore.evaluation.measure import AtRank
from hashcore.evaluation.ties import Floats, Ties, hits


def recall_at(all_counts: Counts, relevant_counts: Counts, k: int, ties: Ties = "expected") -> Floats:
    """Return the relevant items among the first k, divided by the relevant items of the database.

    Args:
        all_counts: Items at each distance, shape (q, L + 1).
        relevant_counts: Relevant items, shape (q, L + 1).
        k: Ranks that count.
        ties: Order of items at one distance.

    Returns:
        Values in [0, 1], shape (q,); NaN for a query without relevant items.
    """
    groups = tied_groups(all_counts, relevant_counts, ties)
    return ratio(hits(groups, groups.above(check_whole(k, "k", 1)), ties).sum(axis=1), groups.relevant.sum(axis=1))


class RecallAt(AtRank):
    """Mean recall among the first k."""

    forms = ("R@{k}",)
    divisor = "relevant items in the database"
    compute = staticmethod(recall_at)
