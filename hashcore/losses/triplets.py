"""The relations that every loss reads: rows of a batch named by their numbers, and the signature of a loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor


class Triplets(NamedTuple):
    """t triplets (x, x⁺, x⁻) among the n rows of a batch; x is more similar to x⁺ than to x⁻.

    A loss of pairs reads (x, x⁺) as a similar and (x, x⁻) as a dissimilar pair.

    Attributes:
        anchors: int64, shape (t,); row number of x.
        positives: int64, shape (t,); row number of x⁺.
        negatives: int64, shape (t,); row number of x⁻.
    """

    anchors: Tensor
    positives: Tensor
    negatives: Tensor

    def keep(self, mask: Tensor) -> Triplets:
        """Return the triplets that a bool mask of shape (t,) selects."""
        return Triplets(self.anchors[mask], self.positives[mask], self.negatives[mask])


Loss = Callable[[Tensor, Triplets], Tensor]
"""Takes projections f(x) of shape (n, q) and triplets of their rows; returns the mean over the triplets, a scalar."""
