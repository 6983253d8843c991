"""Signs of principal components (Wang, Kumar, Chang 2010, eq. 6 without labels: "PCAH")."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.classical.common.projection import as_hasher, center
from hashcore.errors import InvalidInputError
from hashcore.hasher import Hasher


def fit(items: NDArray[Any], code_length: int, *, seed: int = 0, modality: str | None = None) -> Hasher:
    """Take one bit from each of the directions of largest variance.

    Args:
        items: Shape (n, d) features or (n, channels, height, width) pixels.
        code_length: Bits, no more than the rank of the items.
        seed: Recorded; nothing is drawn.
        modality: Name of what the hasher reads; None names it `features` or `image`.

    Raises:
        InvalidInputError: If the items do not fit, or have fewer principal components than the code has bits.
    """
    centered, mean = center(items, code_length)
    components = principal_components(centered, code_length)
    return as_hasher(mean, components, modality, {"method": "pcah", "seed": seed, "rows": len(centered)})


def principal_components(centered: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the directions of largest variance, orthonormal rows of shape (count, d), the largest first.

    Raises:
        InvalidInputError: If fewer directions have any variance.
    """
    variances, vectors = np.linalg.eigh(centered.T @ centered)
    rank = int((variances > variances[-1] * len(variances) * np.finfo(np.float64).eps).sum())
    if count > rank:
        raise InvalidInputError(
            f"code_length={count} exceeds the {rank} principal components of the items; use code_length <= {rank}, "
            "or lsh, which has no such limit"
        )
    return vectors[:, ::-1][:, :count].T
