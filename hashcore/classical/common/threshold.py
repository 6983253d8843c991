"""The threshold that separates the right pairs, found exactly from the sorted ends of all pairs on a line.

A threshold t splits the pair of the values u and v where min(u, v) ≤ t < max(u, v): a bit is set above t. What a
threshold gains is the sum of the gains of the pairs that it splits, so it changes only at the ends of pairs (Strecha et
al. 2012, §3.3: cumulative histograms).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


class PointPairs:
    """Pairs of points on a line, sorted once, for any number of gains.

    Attributes:
        ends: All 2p ends in ascending order.
    """

    def __init__(self, first: Values, second: Values) -> None:
        """Take the values of the first and the second end of each pair, both of shape (p,)."""
        lower, upper = np.minimum(first, second), np.maximum(first, second)
        order = np.argsort(np.concatenate([lower, upper]), kind="stable")
        self.ends = np.concatenate([lower, upper])[order]
        self._pair = (order % len(first)).astype(np.int32)
        self._sign = np.where(order < len(first), 1.0, -1.0)
        self._rises = self.ends[1:] > self.ends[:-1]  # a threshold fits only between two different ends

    def best(self, gains: Values) -> tuple[float, float]:
        """Return the threshold between two ends that gains most, and its gain; where all ends are equal, that value.

        Args:
            gains: Gain of splitting each pair, shape (p,).
        """
        if not self._rises.any():
            return float(self.ends[0]), 0.0
        totals = np.where(self._rises, np.cumsum(gains[self._pair] * self._sign)[:-1], -np.inf)
        place = int(totals.argmax())
        return float((self.ends[place] + self.ends[place + 1]) / 2), float(totals[place])
