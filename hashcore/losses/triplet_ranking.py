"""Triplet ranking loss of Hamming distance metric learning (HDML eq. 3), by its continuous upper bound (eq. 6)."""

from __future__ import annotations

from torch import Tensor

from hashcore.losses.loss_augmented import hinge_bound, triplet_contributions
from hashcore.supervision.relations import Relations, mean


def triplet_ranking(f: Tensor, g: Tensor, relations: Relations, *, scale: float = 1.0) -> Tensor:
    """Return the mean upper bound on scale · max(0, ‖h − h⁺‖ − ‖h − h⁻‖ + 1), with h = sign f and ‖·‖ in bits.

    The loss is zero once x⁺ is at least one bit closer than x⁻.

    Args:
        f: f(x), shape (n, q).
        g: Of the same rows, where x⁺ and x⁻ are looked up; shape (n, q).
        relations: Of the rows; the triplets are read.
        scale: Size of the loss against that of f; a bit resists being flipped while |f| is below about `scale`.

    Returns:
        Scalar.
    """
    anchors, positives, negatives = relations.triplets
    return mean(triplet_ranking_bound(f[anchors], g[positives], g[negatives], scale=scale))


def triplet_ranking_bound(f: Tensor, f_plus: Tensor, f_minus: Tensor, *, scale: float = 1.0) -> Tensor:
    """Return HDML eq. 6 for each triplet, shape (t,), of projections of shape (t, q)."""
    return hinge_bound(triplet_contributions(f, f_plus, f_minus), slope=scale, intercept=scale)
