"""Pairwise hinge loss of minimal loss hashing (HDML eq. 2), by its continuous upper bound."""

from __future__ import annotations

from torch import Tensor

from hashcore.losses.loss_augmented import hinge_bound, pair_contributions
from hashcore.losses.triplets import Triplets


def pairwise_hinge(projections: Tensor, triplets: Triplets, *, threshold: float, scale: float = 1.0) -> Tensor:
    """Return the mean upper bound over the similar pairs (x, x⁺), plus that over the dissimilar pairs (x, x⁻).

    Args:
        projections: f(x), shape (n, q).
        triplets: Rows of `projections`, at least one triplet.
        threshold: ρ in bits; similar pairs cost from ρ on, dissimilar ones up to ρ.
        scale: Size of the loss against that of f, as for the triplet ranking loss.

    Returns:
        Scalar.
    """
    f, f_plus, f_minus = (projections[rows] for rows in triplets)
    return similar_bound(f, f_plus, threshold, scale).mean() + dissimilar_bound(f, f_minus, threshold, scale).mean()


def similar_bound(f: Tensor, other: Tensor, threshold: float, scale: float = 1.0) -> Tensor:
    """Return the bound on scale · max(0, ‖h − g‖ − ρ + 1) for each similar pair, shape (t,)."""
    return hinge_bound(pair_contributions(f, other), slope=scale, intercept=scale * (1 - threshold))


def dissimilar_bound(f: Tensor, other: Tensor, threshold: float, scale: float = 1.0) -> Tensor:
    """Return the bound on scale · max(0, ρ − ‖h − g‖ + 1) for each dissimilar pair, shape (t,)."""
    return hinge_bound(pair_contributions(f, other), slope=-scale, intercept=scale * (1 + threshold))
