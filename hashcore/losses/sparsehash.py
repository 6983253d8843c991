"""Loss of sparse similarity-preserving hashing (SparseHash eq. 4), for codes with few values other than zero."""

from __future__ import annotations

import torch
from torch import Tensor

from hashcore.supervision.relations import Relations


def sparsehash(f: Tensor, g: Tensor, relations: Relations, *, margin: float, push: float, sparsity: float) -> Tensor:
    """Return the mean over pairs of s ‖ξ − η‖₁ + λ/2 (1 − s) max(0, M − ‖ξ − η‖₁)² + α (‖ξ‖₁ + ‖η‖₁).

    Half of the pairs are similar (s = 1) and half dissimilar (s = 0); every row is in as many pairs.

    Args:
        f: ξ, codes relaxed to −1 … 1, shape (n, m).
        g: η of the same rows, shape (n, m).
        relations: Of the rows; the pairs are read.
        margin: M, an L1 distance: the Hamming distance of ternary codes.
        push: λ, weight of dissimilar pairs that are too close.
        sparsity: α, weight of the values that are not zero.

    Returns:
        Scalar.
    """
    distances = torch.cdist(f, g, p=1)
    norms = f.abs().sum(dim=1).mean() + g.abs().sum(dim=1).mean()
    return relations.balanced(distances, push / 2 * torch.relu(margin - distances).square()) + sparsity * norms
