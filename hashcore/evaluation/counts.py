"""Counts of items at each distance, checked: what every measure of a ranking is computed from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import as_array, check_array
from hashcore.errors import InvalidInputError
from hashcore.evaluation.ties import Floats, Groups, Ties, check_ties

Counts = NDArray[np.int64]


def check_counts(all_counts: Counts, relevant_counts: Counts) -> tuple[Counts, Counts]:
    """Return counts of all and of relevant items as int64 of one shape (q, L + 1), checked.

    Raises:
        InvalidInputError: If they are no counts of the same queries, or more items are relevant than there are.
    """
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


def tied_groups(all_counts: Counts, relevant_counts: Counts, ties: Ties) -> Groups:
    """Return checked counts, both of shape (q, L + 1), as groups of tied items."""
    check_ties(ties)
    return Groups.of(*check_counts(all_counts, relevant_counts))


def counts_within(
    all_counts: Counts, relevant_counts: Counts, radius: int | NDArray[np.int64]
) -> tuple[Counts, Counts]:
    """Return the relevant and all items within each radius, inclusive: each int64 of shape (q,) or (q, radii).

    Args:
        all_counts: Items at each distance, shape (q, L + 1).
        relevant_counts: Relevant items at each distance, shape (q, L + 1).
        radius: One radius, or several: int64 of shape (radii,).

    Raises:
        InvalidInputError: If the counts do not fit each other, or a radius is beyond L.
    """
    all_counts, relevant_counts = check_counts(all_counts, relevant_counts)
    code_length = all_counts.shape[1] - 1
    is_one = np.isscalar(radius) or getattr(radius, "ndim", 1) == 0
    radii = check_array([radius] if is_one else radius, "radius", ("radii",), "iu")
    if len(radii) and not 0 <= radii.min() <= radii.max() <= code_length:
        raise InvalidInputError(f"radius={radius}: use 0..{code_length}, the code length")
    places = int(radii[0]) if is_one else radii
    return np.cumsum(relevant_counts, axis=1)[:, places], np.cumsum(all_counts, axis=1)[:, places]


def relevant_of(relevant_counts: Counts, like: Counts) -> Counts:
    """Return the relevant items of each query: shape (q,), or (q, 1) where `like` has a column for each radius."""
    relevant: Counts = np.asarray(relevant_counts).sum(axis=1)
    return relevant if like.ndim == 1 else relevant[:, None]


def ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> Floats:
    """Return numerator / denominator as float64, of the shape to which both broadcast; NaN where divided by 0."""
    result = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=result, where=denominator != 0)
    return result


def mean(values: Floats) -> float:
    """Return the mean of the values that are defined, NaN if none is; `values` are float64 of shape (n,).

    >>> mean(np.array([0.25, np.nan, 0.75]))
    0.5
    """
    values = check_array(values, "values", ("n",), "iuf")
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")
