"""ITQ on canonical correlations with labels (Gong, Lazebnik 2011, §4: "CCA-ITQ").

Directions w come from Xᵀ Y (Yᵀ Y + ρI)⁻¹ Yᵀ X w = λ² (Xᵀ X + ρI) w with one column of Y a label (their eq. 4), each
scaled by its correlation λ, and are then rotated as by `itq`. There are fewer directions than labels; in a longer code
the rotation spreads them over all bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.classical.common.projection import as_hasher, center, check_labels
from hashcore.classical.cross_modal.cca import canonical_directions
from hashcore.classical.itq import rotate
from hashcore.hasher import Hasher
from hashcore.labels import Labels


def fit(items: NDArray[Any], code_length: int, labels: Labels, *, seed: int = 0, modality: str | None = None) -> Hasher:
    """Fit canonical directions and their rotation.

    Args:
        items: Shape (n, d) features or (n, channels, height, width) pixels.
        code_length: Bits; any number of them.
        labels: Of the n items.
        seed: Decides the rotation to begin with.
        modality: Name of what the hasher reads; None names it `features` or `image`.

    Raises:
        InvalidInputError: If items and labels do not fit, or no two rows differ in their labels.
    """
    centered, mean = center(items, code_length)
    members = membership(check_labels(labels, len(centered)))
    onto_items, _, correlations = canonical_directions(centered, members - members.mean(axis=0))
    directions = np.zeros((code_length, centered.shape[1]))
    count = min(code_length, len(correlations))
    directions[:count] = correlations[:count, None] * onto_items[:count]
    rotation = rotate(centered @ directions.T, seed)
    return as_hasher(
        mean, rotation.T @ directions, modality, {"method": "itq-cca", "seed": seed, "rows": len(centered)}
    )


def membership(labels: Labels) -> NDArray[np.float64]:
    """Return 1 where row i has label j, else 0: float64, shape (n, labels), labels in ascending order."""
    vocabulary, numbers = np.unique(labels.values, return_inverse=True)
    members = np.zeros((len(labels), len(vocabulary)))
    members[labels.row_numbers(), numbers] = 1
    return members
