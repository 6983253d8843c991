"""Canonical correlation analysis (Hotelling 1936): two kinds of input, projected to where they correlate most.

The k-th directions p, q maximise pᵀ C_xy q under pᵀ C_xx p = qᵀ C_yy q = 1, uncorrelated with those before. It is the
Euclidean baseline of multi-modal hashing (Masci et al. 2014, §4): projections are compared by their distance as they
are; `encode` gives their signs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.classical.common.projection import as_hasher, center, join, two_views
from hashcore.errors import InvalidInputError
from hashcore.hasher import Hasher

RIDGE = 1e-4  # share of the total variance added to each variance, so that rare directions do not explode

Matrix = NDArray[np.float64]


def fit(views: Mapping[str, NDArray[Any]], code_length: int, *, seed: int = 0) -> Hasher:
    """Fit the canonical directions of two kinds of input.

    Args:
        views: Two arrays by the names of their modalities, each features, shape (n, d), or pixels, shape
            (n, channels, height, width); row i of both shows the same thing.
        code_length: Directions, no more than either kind has dimensions.
        seed: Recorded; nothing is drawn.

    Raises:
        InvalidInputError: If the views do not fit, or have fewer dimensions than directions are wanted.
    """
    names = two_views(views)
    (first, first_mean), (second, second_mean) = (center(views[name], code_length) for name in names)
    least = min(first.shape[1], second.shape[1])
    if code_length > least:
        raise InvalidInputError(f"code_length={code_length} exceeds the {least} dimensions of a view; use {least}")
    onto_first, onto_second, _ = canonical_directions(first, second)
    provenance = {"method": "cca", "seed": seed, "rows": len(first)}
    return join(
        as_hasher(first_mean, onto_first[:code_length], names[0], provenance),
        as_hasher(second_mean, onto_second[:code_length], names[1], provenance),
    )


def canonical_directions(first: Matrix, second: Matrix) -> tuple[Matrix, Matrix, NDArray[np.float64]]:
    """Return the directions of both sides, and their correlations, the largest first.

    Args:
        first: Centred rows, shape (n, d).
        second: Centred rows, shape (n, e).

    Returns:
        Directions (min(d, e), d) and (min(d, e), e) on which the projections have variance 1 (less for the ridge),
        and correlations (min(d, e),).
    """
    onto_first, onto_second = _whitening(first), _whitening(second)
    left, correlations, right = np.linalg.svd(
        onto_first @ (first.T @ second / len(first)) @ onto_second, full_matrices=False
    )
    return left.T @ onto_first, right @ onto_second, correlations


def _whitening(centered: Matrix) -> Matrix:
    """Return C^(−1/2) of the covariance C with its ridge."""
    covariance = centered.T @ centered / len(centered)
    variances, vectors = np.linalg.eigh(covariance + RIDGE * np.trace(covariance) * np.eye(len(covariance)))
    whitening: Matrix = vectors / np.sqrt(np.maximum(variances, np.finfo(np.float64).tiny)) @ vectors.T
    return whitening
