"""Locality-sensitive hashing with random hyperplanes (Charikar 2002): codes differ by the angle of their items."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.classical.common.projection import as_hasher, center
from hashcore.hasher import Hasher


def fit(items: NDArray[Any], code_length: int, *, seed: int = 0, modality: str | None = None) -> Hasher:
    """Draw one hyperplane a bit through the mean of the items, its normal from a normal distribution.

    Args:
        items: Shape (n, d) features or (n, channels, height, width) pixels; only their mean is used.
        code_length: Bits; any number of them.
        seed: Decides the hyperplanes.
        modality: Name of what the hasher reads; None names it `features` or `image`.

    Raises:
        InvalidInputError: If the items or the code length do not fit.

    >>> fit(np.eye(4), code_length=64).code_length
    64
    """
    centered, mean = center(items, code_length)
    matrix = np.random.default_rng(seed).standard_normal((code_length, centered.shape[1]))
    return as_hasher(mean, matrix, modality, {"method": "lsh", "seed": seed, "rows": len(centered)})
