"""Measures of a Hamming ranking, from the counts of all and of relevant items at each distance.

Every function takes `all_counts` and `relevant_counts`: int64, shape (q, L + 1), where column d counts a query's items
at distance d. These counts add up over shards, so the figures are global whatever the shards. Items at one distance
tie; `ties` says which of their orders is meant: the mean over all ("expected"), or the bounds ("best", "worst").

Most return one value a query, float64 of shape (q,); a value that is not defined is NaN, and `mean` leaves it out.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashcore.arguments import as_array, check_array, check_whole
from hashcore.errors import InvalidInputError
from hashcore.evaluation.ties import Floats, Groups, Ties, check_ties, hits, mean_over_hits, precision_sum

Counts = NDArray[np.int64]
Denominator = Literal["relevant", "reachable", "retrieved"]


def average_precision(
    all_counts: Counts,
    relevant_counts: Counts,
    ties: Ties = "expected",
    cutoff: int | None = None,
    *,
    denominator: Denominator = "relevant",
) -> Floats:
    """Return the average precision of each query: the precisions at the ranks of relevant items, summed and divided.

    Args:
        ties: Mean over the orders of tied items, or the order with the highest or the lowest value.
        cutoff: Only the first `cutoff` ranks count; None takes the complete ranking.
        denominator: What the sum is divided by; without a cut-off all three are the same.
            "relevant": the relevant items of the database (trec_eval).
            "reachable": the relevant items that fit above the cut-off, min(relevant, cutoff).
            "retrieved": the relevant items above the cut-off (DeepHash-pytorch, HashNet); it varies with the order of
            ties, so each possible number is weighed: O(min(relevant, cutoff)) a query.

    Returns:
        Values in [0, 1], shape (q,); NaN for a query without relevant items, 0 where none is above the cut-off.

    Raises:
        InvalidInputError: If the counts do not fit each other, or another argument is not among those listed.

    >>> average_precision(np.array([[0, 2, 1]]), np.array([[0, 1, 1]]))  # ranks 1 and 2 tie: (5/6 + 7/12) / 2
    array([0.70833333])
    """
    groups = _groups(all_counts, relevant_counts, ties)
    taken = groups.above(check_whole(cutoff, "cutoff", 1) if cutoff is not None else None)
    relevant = groups.relevant.sum(axis=1)
    if not isinstance(denominator, str) or denominator not in get_args(Denominator):
        raise InvalidInputError(f"denominator={denominator!r}: use one of {', '.join(get_args(Denominator))}")
    if denominator == "retrieved" and cutoff is not None:
        return np.where(relevant > 0, mean_over_hits(groups, taken, ties), np.nan)
    if denominator == "reachable" and cutoff is not None:
        relevant = np.minimum(relevant, cutoff)
    return _ratio(precision_sum(groups, taken, ties).sum(axis=1), relevant)


def precision_at(all_counts: Counts, relevant_counts: Counts, k: int, ties: Ties = "expected") -> Floats:
    """Return the share of relevant items among the first k: their number divided by k, however small the database.

    Returns:
        Values in [0, 1], shape (q,); 0 for a query without relevant items.
    """
    groups = _groups(all_counts, relevant_counts, ties)
    return _ratio(hits(groups, groups.above(check_whole(k, "k", 1)), ties).sum(axis=1), np.array([k]))


def recall_at(all_counts: Counts, relevant_counts: Counts, k: int, ties: Ties = "expected") -> Floats:
    """Return the relevant items among the first k, divided by the relevant items of the database.

    Returns:
        Values in [0, 1], shape (q,); NaN for a query without relevant items.
    """
    groups = _groups(all_counts, relevant_counts, ties)
    return _ratio(hits(groups, groups.above(check_whole(k, "k", 1)), ties).sum(axis=1), groups.relevant.sum(axis=1))


def precision_within(all_counts: Counts, relevant_counts: Counts, radius: int | NDArray[np.int64]) -> Floats:
    """Return the share of relevant items among those within `radius` (inclusive); ties do not matter here.

    Args:
        radius: One radius, or several: then the result has shape (q, radii).

    Returns:
        Values in [0, 1]; 0 where nothing is within the radius (a failed look-up), and so without relevant items.
    """
    found, within = _within(all_counts, relevant_counts, radius)
    return found / np.maximum(within, 1)


def recall_within(all_counts: Counts, relevant_counts: Counts, radius: int | NDArray[np.int64]) -> Floats:
    """Return the relevant items within `radius` (inclusive), divided by the relevant items of the database.

    Returns:
        Values in [0, 1], shape (q,) or (q, radii); NaN for a query without relevant items.
    """
    found, _ = _within(all_counts, relevant_counts, radius)
    relevant = np.asarray(relevant_counts).sum(axis=1)
    return _ratio(found, relevant if found.ndim == 1 else relevant[:, None])


def f1_within(all_counts: Counts, relevant_counts: Counts, radius: int | NDArray[np.int64]) -> Floats:
    """Return the harmonic mean of a query's precision and recall within `radius`: 2·hits / (within + relevant).

    Returns:
        Values in [0, 1], shape (q,) or (q, radii); NaN for a query without relevant items, 0 where none is found.
    """
    found, within = _within(all_counts, relevant_counts, radius)
    relevant = np.asarray(relevant_counts).sum(axis=1)
    relevant = relevant if found.ndim == 1 else relevant[:, None]
    return np.where(relevant > 0, _ratio(2 * found, within + relevant), np.nan)


def pr_curve(all_counts: Counts, relevant_counts: Counts) -> tuple[Floats, Floats]:
    """Return (precision, recall) of all pairs of queries and items within each radius 0 … L, each of shape (L + 1,).

    Pairs are pooled, so every pair weighs the same: relevant pairs within the radius, divided by all pairs within it,
    and by all relevant pairs. Precision is NaN where no pair is within the radius, recall where no pair is relevant.
    """
    all_counts, relevant_counts = _counts(all_counts, relevant_counts)
    within, found = np.cumsum(all_counts.sum(axis=0)), np.cumsum(relevant_counts.sum(axis=0))
    return _ratio(found, within), _ratio(found, found[-1:])


def mean_precision_at(all_counts: Counts, relevant_counts: Counts, ks: ArrayLike, ties: Ties = "expected") -> Floats:
    """Return the mean over queries of `precision_at` for each of `ks`, shape (len(ks),)."""
    cuts = check_array(ks, "ks", ("n",), "iu")
    return np.array([mean(precision_at(all_counts, relevant_counts, int(k), ties)) for k in cuts])


def mean(values: Floats) -> float:
    """Return the mean of the values that are defined, NaN if none is."""
    values = check_array(values, "values", ("n",), "iuf")
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def _within(all_counts: Counts, relevant_counts: Counts, radius: int | NDArray[np.int64]) -> tuple[Counts, Counts]:
    """Return the relevant and all items within each radius."""
    all_counts, relevant_counts = _counts(all_counts, relevant_counts)
    code_length = all_counts.shape[1] - 1
    is_one = np.isscalar(radius) or getattr(radius, "ndim", 1) == 0
    radii = check_array([radius] if is_one else radius, "radius", ("radii",), "iu")
    if len(radii) and not 0 <= radii.min() <= radii.max() <= code_length:
        raise InvalidInputError(f"radius={radius}: use 0..{code_length}, the code length")
    places = int(radii[0]) if is_one else radii
    return np.cumsum(relevant_counts, axis=1)[:, places], np.cumsum(all_counts, axis=1)[:, places]


def _groups(all_counts: Counts, relevant_counts: Counts, ties: Ties) -> Groups:
    """Return the checked counts as groups of tied items."""
    check_ties(ties)
    return Groups.of(*_counts(all_counts, relevant_counts))


def _counts(all_counts: Counts, relevant_counts: Counts) -> tuple[Counts, Counts]:
    """Return counts of all and of relevant items as int64 of one shape, checked."""
    all_counts, relevant_counts = as_array(all_counts, "all_counts"), as_array(relevant_counts, "relevant_counts")
    if all_counts.ndim != 2 or all_counts.shape != relevant_counts.shape:
        raise InvalidInputError(
            f"counts of shapes {all_counts.shape} and {relevant_counts.shape}: both need (queries, code_length + 1)"
        )
    all_counts = check_array(all_counts, "all_counts", all_counts.shape, "iu")
    relevant_counts = check_array(relevant_counts, "relevant_counts", all_counts.shape, "iu")
    if (relevant_counts < 0).any() or (relevant_counts > all_counts).any():
        raise InvalidInputError("relevant counts must be 0..all counts; pass all_counts first, then relevant_counts")
    return all_counts.astype(np.int64), relevant_counts.astype(np.int64)


def _ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> Floats:
    """Return numerator / denominator, NaN where the denominator is 0."""
    result = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result
