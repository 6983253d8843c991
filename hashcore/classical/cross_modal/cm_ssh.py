"""Cross-modal similarity-sensitive hashing (Bronstein et al. 2010): one bit of both modalities a round of boosting.

A bit is sign(pᵀx + a) of the one modality and sign(qᵀy + b) of the other. First the signs are left out: unit vectors p
and q maximise E{xᵀp qᵀy | similar} − E{xᵀp qᵀy | dissimilar} under the weights of the pairs, the first singular vectors
of the difference of covariances (mmnn.txt eq. 4, printed there with the other sign). Then a and b are found together,
among quantiles of both projections.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcore.classical.common.boosting import reweigh
from hashcore.classical.common.projection import as_hasher, center, check_labels, join, two_views
from hashcore.hasher import Hasher
from hashcore.labels import Labels
from hashcore.supervision.pairs import JudgedPairs, draw_pairs

PAIRS = 20_000  # of each kind
QUANTILES = 63

Matrix = NDArray[np.float64]


class Bit(NamedTuple):
    """One bit of both modalities: sign(pᵀx + a) and sign(qᵀy + b)."""

    p: Matrix
    a: float
    q: Matrix
    b: float


def fit(views: Mapping[str, NDArray[Any]], code_length: int, labels: Labels, *, seed: int = 0) -> Hasher:
    """Fit both projections to at most 20,000 similar and as many dissimilar pairs across the modalities.

    Args:
        views: Two arrays by the names of their modalities, each features, shape (n, d), or pixels, shape
            (n, channels, height, width); row i of both has the labels i.
        code_length: Bits; any number of them.
        labels: Of the n rows.
        seed: Decides the pairs.

    Raises:
        InvalidInputError: If views and labels do not fit.
    """
    names = two_views(views)
    (first, first_mean), (second, second_mean) = (center(views[name], code_length) for name in names)
    pairs = draw_pairs(check_labels(labels, len(first)), PAIRS, seed)
    bits = boost(first[pairs.left], second[pairs.right], pairs, code_length)
    provenance = {"method": "cm-ssh", "seed": seed, "rows": len(first)}
    onto_first, onto_second = np.stack([bit.p for bit in bits]), np.stack([bit.q for bit in bits])
    a, b = np.array([bit.a for bit in bits]), np.array([bit.b for bit in bits])
    return join(
        as_hasher(first_mean, onto_first, names[0], provenance, bias=a),
        as_hasher(second_mean, onto_second, names[1], provenance, bias=b),
    )


def boost(first: Matrix, second: Matrix, pairs: JudgedPairs, count: int) -> list[Bit]:
    """Return `count` bits, found one after another on p pairs: row i of `first`, (p, d), and of `second`, (p, e)."""
    signs = pairs.signs()
    weights = np.full(len(signs), 1 / len(signs))
    bits = []
    for _ in range(count):
        p, q = agreeing_directions(first, second, weights * signs)
        u, v = first @ p, second @ q
        a, b = best_thresholds(u, v, weights * signs)
        bits.append(Bit(p, a, q, b))
        weights = reweigh(weights, signs, np.where((u + a > 0) == (v + b > 0), 1.0, -1.0))
    return bits


def agreeing_directions(first: Matrix, second: Matrix, gains: NDArray[np.float64]) -> tuple[Matrix, Matrix]:
    """Return the unit vectors p, q that maximise Σᵢ gainsᵢ (pᵀ firstᵢ)(qᵀ secondᵢ).

    Args:
        first: One end of each pair, shape (pairs, d).
        second: The other, shape (pairs, e).
        gains: Of the pairs, shape (pairs,).

    Returns:
        p of shape (d,) and q of shape (e,).
    """
    left, _, right = np.linalg.svd((first * gains[:, None]).T @ second, full_matrices=False)
    return left[:, 0], right[0]


def best_thresholds(u: Matrix, v: Matrix, gains: NDArray[np.float64]) -> tuple[float, float]:
    """Return a, b that maximise Σᵢ gainsᵢ sign(uᵢ + a) sign(vᵢ + b), −a and −b among the quantiles of u and v.

    All three arrays have shape (pairs,).
    """
    shares = np.arange(1, QUANTILES + 1) / (QUANTILES + 1)
    at_u, at_v = np.quantile(u, shares), np.quantile(v, shares)
    sides_u, sides_v = (np.where(x[:, None] > at, 1.0, -1.0) for x, at in ((u, at_u), (v, at_v)))
    agreement = (sides_u * gains[:, None]).T @ sides_v
    row, column = np.unravel_index(int(agreement.argmax()), agreement.shape)
    return -float(at_u[row]), -float(at_v[column])
