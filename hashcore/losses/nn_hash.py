"""Contrastive loss of siamese networks: NN-hash (SparseHash eq. 3, mmnn eq. 5), across modalities mmnn eq. 6."""

from __future__ import annotations

import torch
from torch import Tensor

from hashcore.supervision.relations import Relations

EXACT = "donot_use_mm_for_euclid_dist"  # a matrix product would lose the small distances


def nn_hash(f: Tensor, g: Tensor, relations: Relations, *, margin: float) -> Tensor:
    """Return 1/(2|P|) Σ ‖ξ − η‖² over similar pairs plus 1/(2|N|) Σ max(0, M − ‖ξ − η‖)² over dissimilar ones.

    Args:
        f: ξ, codes relaxed to −1 … 1, shape (n, q).
        g: η of the same rows, shape (n, q).
        relations: Of the rows; the pairs are read.
        margin: M, a Euclidean distance; two codes that differ by d bits are 2 √d apart.

    Returns:
        Scalar.
    """
    distances = torch.cdist(f, g, compute_mode=EXACT)
    return relations.balanced(distances.square(), torch.relu(margin - distances).square())
