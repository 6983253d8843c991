"""Similarity-sensitive hashing (Shakhnarovich 2005): each bit is a threshold on one dimension, chosen by boosting.

The weak classifier of a pair says whether both ends lie on one side of the threshold. Each round takes the dimension
and threshold whose judgement agrees best with the weighted pairs, found exactly, and weighs the pairs anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.classical.common.boosting import reweigh
from hashcore.classical.common.projection import as_hasher, center, check_labels
from hashcore.classical.common.threshold import PointPairs
from hashcore.hasher import Hasher
from hashcore.labels import Labels
from hashcore.supervision.pairs import JudgedPairs, draw_pairs

PAIRS = 10_000  # of each kind


def fit(items: NDArray[Any], code_length: int, labels: Labels, *, seed: int = 0, modality: str | None = None) -> Hasher:
    """Choose dimensions and thresholds by at most 10,000 similar and as many dissimilar pairs.

    Args:
        items: Shape (n, d) features or (n, channels, height, width) pixels.
        code_length: Bits; any number of them.
        labels: Of the n items.
        seed: Decides the pairs.
        modality: Name of what the hasher reads; None names it `features` or `image`.

    Raises:
        InvalidInputError: If items and labels do not fit.
    """
    centered, mean = center(items, code_length)
    pairs = draw_pairs(check_labels(labels, len(centered)), PAIRS, seed)
    dimensions, thresholds = boost(centered, pairs, code_length)
    return as_hasher(
        mean,
        np.eye(centered.shape[1])[dimensions],
        modality,
        {"method": "ssh", "seed": seed, "rows": len(centered)},
        bias=-thresholds,
    )


def boost(
    centered: NDArray[np.float64], pairs: JudgedPairs, count: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the dimension, int64, and the threshold, float64, of each bit, both of shape (count,); rows are (n, d)."""
    signs = pairs.signs()
    weights = np.full(len(signs), 1 / len(signs))
    on_lines = [PointPairs(column[pairs.left], column[pairs.right]) for column in centered.T]
    dimensions, thresholds = np.empty(count, np.int64), np.empty(count)
    for bit in range(count):
        found = [line.best(-weights * signs) for line in on_lines]  # splitting a dissimilar pair is a gain
        chosen = int(np.argmax([gain for _, gain in found]))
        dimensions[bit], thresholds[bit] = chosen, found[chosen][0]
        above = centered[:, chosen] > thresholds[bit]
        weights = reweigh(weights, signs, np.where(above[pairs.left] == above[pairs.right], 1.0, -1.0))
    return dimensions, thresholds
