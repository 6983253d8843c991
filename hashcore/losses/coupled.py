"""Coupled systems: one network a modality, joined by a loss across modalities (mmnn eq. 7, SparseHash eq. 5).

With the contrastive loss this is MM-NN, with the loss of SparseHash MM-SparseHash; without weight on the losses within
modalities it is CM-NN, or the cross-modal SparseHash.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from torch import Tensor

from hashcore.supervision.relations import Loss, Relations


def coupled(
    loss: Loss, projections: Mapping[str, Tensor], relations: Relations, weights: Mapping[str, float]
) -> Tensor:
    """Return Σ L(ξ, η) over pairs of modalities plus Σ αₓ L(ξ, ξ) over modalities; a single modality counts whole.

    A row is similar to itself across modalities: both sides show one object.

    Args:
        loss: L, of similar and dissimilar pairs or triplets.
        projections: Of the same n rows in each modality, shape (n, q).
        relations: Of the rows.
        weights: α of each modality (mmnn eq. 7; μ of SparseHash eq. 5); 0 leaves its own loss out.

    Returns:
        Scalar.
    """
    within = relations.within()
    if len(projections) == 1:
        (f,) = projections.values()
        return loss(f, f, within)
    terms = [loss(f, g, relations) for f, g in combinations(projections.values(), 2)]
    terms += [weights[name] * loss(f, f, within) for name, f in projections.items() if weights[name]]
    return sum(terms[1:], terms[0])
