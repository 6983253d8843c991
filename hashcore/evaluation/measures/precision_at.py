"""P@k: precision among the first k."""

from __future__ import annotations

import numpy as np

from hashcore.arguments import check_whole
from hashcore.evaluation.counts import Counts, ratio, tied_groups
from hashcore.evaluation.measure import AtRank
from hashcore.evaluation.ties import Floats, Ties, hits


def precision_at(all_counts: Counts, relevant_counts: Counts, k: int, ties: Ties = "expected") -> Floats:
    """Return the share of relevant items among the first k: their number divided by k, however small the database.

    Args:
        all_counts: Items at each distance, shape (q, L + 1).
        relevant_counts: Relevant items, shape (q, L + 1).
        k: Ranks that count.
        ties: Order of items at one distance.

    Returns:
        Values in [0, 1], shape (q,); 0 for a query without relevant items.

    >>> precision_at(np.array([[1, 3]]), np.array([[1, 1]]), 2)  # a hit, then one of three, of which one is a hit
    array([0.66666667])
    """
    groups = tied_groups(all_counts, relevant_counts, ties)
    return ratio(hits(groups, groups.above(check_whole(k, "k", 1)), ties).sum(axis=1), np.array([k]))


class PrecisionAt(AtRank):
    """Mean precision among the first k."""

    forms = ("P@{k}",)
    divisor = "{k}"
    without_relevant = "counts as 0"
    compute = staticmethod(precision_at)
