"""P(r<=d): precision within a radius."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashcore.evaluation.counts import Counts, counts_within
from hashcore.evaluation.measure import WithinRadius
from hashcore.evaluation.ties import Floats


def precision_within(all_counts: Counts, relevant_counts: Counts, radius: int | NDArray[np.int64]) -> Floats:
    """Return the share of relevant items among those within `radius`; ties do not matter here.

    Args:
        all_counts: Items at each distance, shape (q, L + 1).
        relevant_counts: Relevant items, shape (q, L + 1).
        radius: Inclusive; one, or several of shape (radii,).

    Returns:
        Values in [0, 1], shape (q,) or (q, radii); 0 where nothing is within the radius (a failed look-up), and so
        without relevant items.

    >>> precision_within(np.array([[2, 2, 6]]), np.array([[2, 1, 1]]), np.array([0, 1, 2])).tolist()
    [[1.0, 0.75, 0.4]]
    """
    found, within = counts_within(all_counts, relevant_counts, radius)
    return found / np.maximum(within, 1)


class PrecisionWithin(WithinRadius):
    """Mean precision within a radius."""

    forms = ("P(r<={radius})",)
    divisor = "items within the radius; 0 where there are none"
    without_relevant = "counts as 0"
    compute = staticmethod(precision_within)
