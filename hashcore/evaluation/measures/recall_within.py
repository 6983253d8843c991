"""R(r<=d): recall within a radius."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashcore.evaluation.counts import Counts, counts_within, ratio, relevant_of
from hashcore.evaluation.measure import WithinRadius
from hashcore.evaluation.ties import Floats


def recall_within(all_counts: Counts, relevant_counts: Counts, radius: int | NDArray[np.int64]) -> Floats:
    """Return the relevant items within `radius`, divided by the relevant items of the database.

    Args:
        all_counts: Items at each distance, shape (q, L + 1).
        relevant_counts: Relevant items, shape (q, L + 1).
        radius: Inclusive; one, or several of shape (radii,).

    Returns:
        Values in [0, 1], shape (q,) or (q, radii); NaN for a query without relevant items.

    >>> recall_within(np.array([[2, 2, 6]]), np.array([[2, 1, 1]]), 1).tolist()
    [0.75]
    """
    found, _ = counts_within(all_counts, relevant_counts, radius)
    return ratio(found, relevant_of(relevant_counts, found))


class RecallWithin(WithinRadius):
    """Mean recall within a radius."""

    forms = ("R(r<={radius})",)
    divisor = "relevant items in the database"
    compute = staticmethod(recall_within)
