"""Spectral hashing (Weiss, Torralba, Fergus 2008): bits are signs of the smoothest functions on a box.

Along principal component j, on which the items span [aⱼ, bⱼ], the eigenfunctions of the one-dimensional Laplacian are
Φₖ(x) = sin(π/2 + kπ x / (bⱼ − aⱼ)) with eigenvalue λₖ = 1 − exp(−ε²/2 · |kπ / (bⱼ − aⱼ)|²) (their §3.1, x counted from
aⱼ). λ grows with k / (bⱼ − aⱼ) whatever ε is, so the code takes the functions with the least of these frequencies: a
long component gives several bits before a short one gives its first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.classical.common.projection import as_hasher, center
from hashcore.classical.pcah import principal_components
from hashcore.hasher import Hasher
from hashcore.networks.spec import Cosine


def fit(items: NDArray[Any], code_length: int, *, seed: int = 0, modality: str | None = None) -> Hasher:
    """Fit principal components, and choose the eigenfunctions along them.

    Args:
        items: Shape (n, d) features or (n, channels, height, width) pixels.
        code_length: Bits; at most as many components are looked at.
        seed: Recorded; nothing is drawn.
        modality: Name of what the hasher reads; None names it `features` or `image`.

    Raises:
        InvalidInputError: If the items do not fit, or are all the same.
    """
    centered, mean = center(items, code_length)
    count = max(1, min(code_length, int(np.linalg.matrix_rank(centered))))
    components = principal_components(centered, count)
    projected = centered @ components.T
    lowest, spans = projected.min(axis=0), np.ptp(projected, axis=0)
    numbers, modes = smoothest(spans, code_length)
    frequencies = np.pi * modes / spans[numbers]
    return as_hasher(
        mean,
        frequencies[:, None] * components[numbers],
        modality,
        {"method": "sh", "seed": seed, "rows": len(centered)},
        bias=-frequencies * lowest[numbers],
        network=Cosine(),
    )


def smoothest(spans: NDArray[np.float64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return component and mode k ≥ 1 of the `count` eigenfunctions of lowest frequency k / span, the lowest first.

    Args:
        spans: Of the components, shape (c,).
        count: Eigenfunctions wanted.

    Returns:
        Two int64 arrays of shape (count,).
    """
    modes = np.repeat(np.arange(1, count + 1)[:, None], len(spans), axis=1)
    order = np.argsort((modes / spans).ravel(), kind="stable")[:count]
    return order % len(spans), order // len(spans) + 1
