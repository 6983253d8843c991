"""F1(r<=d): harmonic mean of precision and recall within a radius."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashcore.evaluation.counts import Counts, counts_within, ratio, relevant_of
from hashcore.evaluation.measure import WithinRadius
from hashcore.evaluation.ties import Floats


def f1_within(all_counts: Counts, relevant_counts: Counts, radius: int | NDArray[np.int64]) -> Floats:
    """Return the harmonic mean of a query's precision and recall within `radius`: 2·hits / (within + relevant).

    Args:
        all_counts: Items at each distance, shape (q, L + 1).
        relevant_counts: Relevant items, shape (q, L + 1).
        radius: Inclusive; one, or several of shape (radii,).

    Returns:
        Values in [0, 1], shape (q,) or (q, radii); NaN for a query without relevant items, 0 where none is found.
    """
    found, within = counts_within(all_counts, relevant_counts, radius)
    relevant = relevant_of(relevant_counts, found)
    return np.where(relevant > 0, ratio(2 * found, within + relevant), np.nan)


class F1Within(WithinRadius):
    """Mean over queries of the harmonic mean of precision and recall within a radius."""

    forms = ("F1(r<={radius})",)
    divisor = "items within the radius + relevant items in the database"
    compute = staticmethod(f1_within)
