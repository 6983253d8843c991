"""Features as the papers feed them: centred, and of unit length (mmnn.txt §4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def center_to_unit_length(features: NDArray[np.float32], mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return features, shape (n, d), less a mean, (d,), each row divided by its length; a row that is the mean is zero.

    >>> center_to_unit_length(np.array([[4, 5], [1, 1]], np.float32), np.array([1, 1], np.float32))
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """
    centered = features - mean
    lengths = np.linalg.norm(centered, axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(centered, lengths, where=lengths > 0, out=np.zeros_like(centered))
    return unit
