"""Hard negatives of a mini-batch (HDML §5): the unrelated row that the current codes put closest to the item."""

from __future__ import annotations

import torch
from torch import Tensor

from hashcore.losses.triplets import Triplets


def hamming_distances(projections: Tensor) -> Tensor:
    """Return the Hamming distances of all pairs of rows under h = sign f; float, shape (n, n), whole numbers."""
    signs = torch.where(projections.detach() > 0, 1.0, -1.0)
    return (projections.shape[1] - signs @ signs.T) / 2


def hard_negatives(projections: Tensor, triplets: Triplets, related: Tensor) -> Triplets:
    """Replace each x⁻ by the unrelated row nearest to x; of several at that distance, by the first.

    Args:
        projections: f(x), shape (n, q).
        triplets: Triplets of rows; their negatives are not read.
        related: bool, shape (n, n); whether two rows are similar, the diagonal included.

    Returns:
        The triplets whose x has an unrelated row in the batch, in their order.
    """
    distances = hamming_distances(projections).masked_fill(related, torch.inf)[triplets.anchors]
    nearest, negatives = distances.min(dim=1)
    return Triplets(triplets.anchors, triplets.positives, negatives).keep(torch.isfinite(nearest))


def violations(projections: Tensor, triplets: Triplets) -> Tensor:
    """Return by how many bits each triplet misses its rank: max(0, ‖h − h⁺‖ − ‖h − h⁻‖ + 1), float of shape (t,)."""
    distances = hamming_distances(projections)
    anchors, positives, negatives = triplets
    return torch.relu(distances[anchors, positives] - distances[anchors, negatives] + 1)
