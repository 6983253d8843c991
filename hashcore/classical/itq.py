"""Iterative quantization (Gong, Lazebnik 2011): principal components, rotated so that their signs lose least.

A hasher of c bits projects on the c principal components V and rotates by R, which minimises ‖B − X V R‖² over codes B
and rotations R (their eq. 2) by turns: B = sign(X V R), then R from the singular vectors of Bᵀ X V (orthogonal
Procrustes problem).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.classical.common.projection import as_hasher, center
from hashcore.classical.pcah import principal_components
from hashcore.hasher import Hasher

ITERATIONS = 50


def fit(items: NDArray[Any], code_length: int, *, seed: int = 0, modality: str | None = None) -> Hasher:
    """Fit principal components and their rotation.

    Args:
        items: Shape (n, d) features or (n, channels, height, width) pixels.
        code_length: Bits, no more than the rank of the items.
        seed: Decides the rotation to begin with.
        modality: Name of what the hasher reads; None names it `features` or `image`.

    Raises:
        InvalidInputError: If the items do not fit, or have fewer principal components than the code has bits.
    """
    centered, mean = center(items, code_length)
    components = principal_components(centered, code_length)
    rotation = rotate(centered @ components.T, seed)
    return as_hasher(mean, rotation.T @ components, modality, {"method": "itq", "seed": seed, "rows": len(centered)})


def rotate(projected: NDArray[np.float64], seed: int, iterations: int = ITERATIONS) -> NDArray[np.float64]:
    """Return the rotation R of shape (c, c) that brings `projected` (n, c) close to codes of ±1."""
    width = projected.shape[1]
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((width, width)))
    codes, is_one = np.empty_like(projected), np.empty(projected.shape, bool)  # filled anew in each turn
    for _ in range(iterations):
        np.greater(np.matmul(projected, rotation, out=codes), 0, out=is_one)
        np.subtract(np.multiply(is_one, 2.0, out=codes), 1.0, out=codes)
        left, _, right = np.linalg.svd(projected.T @ codes)
        rotation = left @ right
    return rotation
