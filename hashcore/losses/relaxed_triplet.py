"""Relaxed triplet ranking loss of deep neural network hashing (dnnh eq. 2): distances of real codes in [0, 1]^q."""

from __future__ import annotations

import torch
from torch import Tensor

from hashcore.supervision.relations import Relations, mean


def relaxed_triplet(f: Tensor, g: Tensor, relations: Relations, *, margin: float) -> Tensor:
    """Return the mean of max(0, ‖b − b⁺‖² − ‖b − b⁻‖² + margin) over triplets, with b = (f + 1) / 2.

    Between codes the squared distance is the Hamming distance, so the margin is in bits.

    Args:
        f: Relaxed codes from −1 to 1, which hold the anchors; shape (n, q).
        g: Those of the same rows that hold x⁺ and x⁻; shape (n, q).
        relations: Of the rows; the triplets are read.
        margin: 1 in the paper.

    Returns:
        Scalar.
    """
    anchors, positives, negatives = relations.triplets
    near = (f[anchors] - g[positives]).square().sum(dim=1) / 4
    far = (f[anchors] - g[negatives]).square().sum(dim=1) / 4
    return mean(torch.relu(near - far + margin))
