"""Negatives of a mini-batch's triplets: those drawn, every dissimilar row, or the hard ones of HDML §5.

Hard is the dissimilar row that the current codes put closest to the item.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hashcore.codes import Kind
from hashcore.hashers.quantization import hamming_distances
from hashcore.losses.spec import Negatives
from hashcore.supervision.relations import DISSIMILAR, Relations, Triplets


def complete(choice: Negatives, f: Tensor, g: Tensor, relations: Relations, kind: Kind) -> Relations:
    """Return the relations with triplets that have the negatives chosen.

    Args:
        choice: Kind of negatives.
        f: Projections that hold the anchors, shape (n, q).
        g: Those of the same rows that hold the negatives, shape (n, q).
        relations: Of the rows.
        kind: Kind of codes, whose distances make a negative hard.
    """
    if choice == "hard":
        return relations._replace(triplets=hard_negatives(hamming_distances(f, g, kind), relations))
    chosen = every_negative if choice == "every" else drawn_negatives
    return relations._replace(triplets=chosen(relations))


def hard_negatives(distances: Tensor, relations: Relations) -> Triplets:
    """Replace each x⁻ by the dissimilar row nearest to x; of several at that distance, by the first.

    Args:
        distances: Between codes, shape (n, n).
        relations: Of the rows; the negatives of their triplets are not read.

    Returns:
        The triplets whose x has a dissimilar row in the batch, in their order.
    """
    anchors, positives, _ = relations.triplets
    candidates = distances.masked_fill(relations.similarity != DISSIMILAR, torch.inf)[anchors]
    nearest, negatives = candidates.min(dim=1)
    return Triplets(anchors, positives, negatives).keep(torch.isfinite(nearest))


def drawn_negatives(relations: Relations) -> Triplets:
    """Return the triplets as drawn, but for those without a negative."""
    return relations.triplets.keep(relations.triplets.negatives >= 0)


def every_negative(relations: Relations) -> Triplets:
    """Return a triplet for each dissimilar row of each triplet's x; the negatives of the triplets are not read."""
    anchors, positives, _ = relations.triplets
    places, negatives = torch.nonzero(relations.similarity[anchors] == DISSIMILAR).unbind(1)
    return Triplets(anchors[places], positives[places], negatives)


def violations(distances: Tensor, triplets: Triplets) -> Tensor:
    """Return the bits by which each triplet misses its rank: max(0, ‖h − h⁺‖ − ‖h − h⁻‖ + 1), float of shape (t,)."""
    anchors, positives, negatives = triplets
    return torch.relu(distances[anchors, positives] - distances[anchors, negatives] + 1)
