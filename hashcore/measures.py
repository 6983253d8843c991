"""Measures of a Hamming ranking, from the counts of all and of relevant items at each distance.

Every function takes `all_counts` and `relevant_counts`: int64, shape (q, L + 1), where column d counts a query's items
at distance d. These counts add up over shards, so the figures are global whatever the shards. Items at one distance
tie; `ties` says which of their orders is meant: the mean over all ("expected"), or the bounds ("best", "worst").

Most return one value a query, float64 of shape (q,); a value that is not defined is NaN, and `mean` leaves it out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hashcore.arguments import check_array
from hashcore.evaluation.counts import Counts, check_counts, mean, ratio
from hashcore.evaluation.measures.average_precision import Denominator, average_precision
from hashcore.evaluation.measures.f1_within import f1_within
from hashcore.evaluation.measures.precision_at import precision_at
from hashcore.evaluation.measures.precision_within import precision_within
from hashcore.evaluation.measures.recall_at import recall_at
from hashcore.evaluation.measures.recall_within import recall_within
from hashcore.evaluation.ties import Floats, Ties

__all__ = [
    "Counts",
    "Denominator",
    "average_precision",
    "f1_within",
    "mean",
    "mean_precision_at",
    "pr_curve",
    "precision_at",
    "precision_within",
    "recall_at",
    "recall_within",
]


def pr_curve(all_counts: Counts, relevant_counts: Counts) -> tuple[Floats, Floats]:
    """Return (precision, recall) of all pairs of queries and items within each radius 0 … L, each of shape (L + 1,).

    Pairs are pooled, so every pair weighs the same: relevant pairs within the radius, divided by all pairs within it,
    and by all relevant pairs. Precision is NaN where no pair is within the radius, recall where no pair is relevant.
    """
    all_counts, relevant_counts = check_counts(all_counts, relevant_counts)
    within, found = np.cumsum(all_counts.sum(axis=0)), np.cumsum(relevant_counts.sum(axis=0))
    return ratio(found, within), ratio(found, found[-1:])


def mean_precision_at(all_counts: Counts, relevant_counts: Counts, ks: ArrayLike, ties: Ties = "expected") -> Floats:
    """Return the mean over queries of `precision_at` for each of `ks`, shape (len(ks),)."""
    cuts = check_array(ks, "ks", ("n",), "iu")
    return np.array([mean(precision_at(all_counts, relevant_counts, int(k), ties)) for k in cuts])
