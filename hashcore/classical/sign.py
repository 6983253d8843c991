"""Signs of the items themselves: bit i is the sign of component i, as tools that call embeddings binary take it.

Embedding models that are trained for it lose little by this (Shakir, Aarsen, Lee 2024: "Binary and Scalar Embedding
Quantization"); others gain by a rotation, which `itq` learns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.classical.common.projection import as_hasher
from hashcore.classical.common.projection import center as centered_rows
from hashcore.errors import InvalidInputError
from hashcore.hasher import Hasher


def fit(
    items: NDArray[Any], code_length: int, *, seed: int = 0, modality: str | None = None, center: bool = True
) -> Hasher:
    """Take one bit from each of the first components.

    Args:
        items: Shape (n, d) features or (n, channels, height, width) pixels; only their mean and shape are used.
        code_length: Bits, at most d.
        seed: Recorded; nothing is drawn.
        modality: Name of what the hasher reads; None names it `features` or `image`.
        center: Subtract the mean of the items first, so that each bit is set for about half of them.

    Raises:
        InvalidInputError: If the items do not fit, or have fewer components than the code has bits.

    >>> import numpy as np
    >>> hasher = fit(np.eye(8, dtype=np.float32) - 0.5, 8, center=False)
    >>> hasher.encode(np.array([[1, -1, 1, -1, -1, -1, -1, 1]], np.float32), "features").tolist()
    [[133]]
    """
    rows, mean = centered_rows(items, code_length)
    if code_length > rows.shape[1]:
        raise InvalidInputError(
            f"code_length={code_length} exceeds the {rows.shape[1]} components of the items; use code_length <= "
            f"{rows.shape[1]}, or lsh, which has no such limit"
        )
    provenance = {"method": "sign", "seed": seed, "rows": len(rows)}
    return as_hasher(mean if center else np.zeros_like(mean), np.eye(code_length, rows.shape[1]), modality, provenance)
