"""DiffHash (Strecha, Bronstein, Bronstein, Fua 2012, "LDAHash", §3.2): similar pairs differ little, others much.

Without the signs, E{‖P(x − x′)‖² | similar} − α E{‖P(x − x′)‖² | dissimilar} is least where the rows of P are the
eigenvectors of the smallest eigenvalues of C_P − α C_N, the covariances of the differences of both kinds of pairs
(mmnn.txt eq. 2). Each threshold then minimises its bit's own false negative and false positive rates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.classical.common.projection import as_hasher, center, check_labels
from hashcore.classical.common.threshold import PointPairs
from hashcore.errors import InvalidInputError
from hashcore.hasher import Hasher
from hashcore.labels import Labels
from hashcore.supervision.pairs import JudgedPairs, draw_pairs

PAIRS = 50_000  # of each kind
ALPHA = 1.0  # weight of the dissimilar pairs


def fit(items: NDArray[Any], code_length: int, labels: Labels, *, seed: int = 0, modality: str | None = None) -> Hasher:
    """Fit directions and thresholds to at most 50,000 similar and as many dissimilar pairs.

    Args:
        items: Shape (n, d) features or (n, channels, height, width) pixels.
        code_length: Bits, no more than an item has dimensions.
        labels: Of the n items.
        seed: Decides the pairs.
        modality: Name of what the hasher reads; None names it `features` or `image`.

    Raises:
        InvalidInputError: If items and labels do not fit, or the code has more bits than the items have dimensions.
    """
    centered, mean = center(items, code_length)
    if code_length > centered.shape[1]:
        raise InvalidInputError(
            f"code_length={code_length} exceeds the {centered.shape[1]} dimensions of the items; use code_length <= "
            f"{centered.shape[1]}, or ssh, which has no such limit"
        )
    pairs = draw_pairs(check_labels(labels, len(centered)), PAIRS, seed)
    matrix = directions(centered, pairs, code_length)
    bias = -thresholds(centered @ matrix.T, pairs)
    return as_hasher(mean, matrix, modality, {"method": "diffhash", "seed": seed, "rows": len(centered)}, bias=bias)


def directions(centered: NDArray[np.float64], pairs: JudgedPairs, count: int) -> NDArray[np.float64]:
    """Return the eigenvectors of the smallest eigenvalues of C_P − α C_N, rows of shape (count, d), smallest first."""
    similar, dissimilar = (_covariance(centered, pairs, kind) for kind in (pairs.similar, ~pairs.similar))
    _, vectors = np.linalg.eigh(similar - ALPHA * dissimilar)
    return vectors[:, :count].T


def _covariance(centered: NDArray[np.float64], pairs: JudgedPairs, kind: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return E{(x − x′)(x − x′)ᵀ} over one kind of pairs."""
    differences = centered[pairs.left[kind]] - centered[pairs.right[kind]]
    covariance: NDArray[np.float64] = differences.T @ differences / len(differences)
    return covariance


def thresholds(projected: NDArray[np.float64], pairs: JudgedPairs) -> NDArray[np.float64]:
    """Return for each column of `projected` (n, c) the threshold with the least FN rate + α · FP rate, shape (c,)."""
    gains = np.where(pairs.similar, -1 / pairs.similar.sum(), ALPHA / (~pairs.similar).sum())
    return np.array([PointPairs(column[pairs.left], column[pairs.right]).best(gains)[0] for column in projected.T])
