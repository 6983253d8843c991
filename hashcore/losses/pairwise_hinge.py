"""Pairwise hinge loss of minimal loss hashing (HDML eq. 2), by its continuous upper bound."""

from __future__ import annotations

from torch import Tensor

from hashcore.losses.loss_augmented import hinge_bound, pair_contributions
from hashcore.supervision.relations import Relations, mean


def pairwise_hinge(f: Tensor, g: Tensor, relations: Relations, *, threshold: float, scale: float = 1.0) -> Tensor:
    """Return the mean upper bound over the similar pairs (x, x⁺), plus that over the dissimilar pairs (y, y⁻).

    Args:
        f: f(x), shape (n, q).
        g: Of the same rows, where x⁺ and x⁻ are looked up; shape (n, q).
        relations: Of the rows; the pairs are read, those of the triplets if there are any.
        threshold: ρ in bits; similar pairs cost from ρ on, dissimilar ones up to ρ.
        scale: Size of the loss against that of f, as for the triplet ranking loss.

    Returns:
        Scalar.
    """
    (x, x_plus), (y, y_minus) = relations.pairs()
    similar = similar_bound(f[x], g[x_plus], threshold, scale)
    return mean(similar) + mean(dissimilar_bound(f[y], g[y_minus], threshold, scale))


def similar_bound(f: Tensor, other: Tensor, threshold: float, scale: float = 1.0) -> Tensor:
    """Return the bound on scale · max(0, ‖h − g‖ − ρ + 1) for each similar pair, shape (t,)."""
    return hinge_bound(pair_contributions(f, other), slope=scale, intercept=scale * (1 - threshold))


def dissimilar_bound(f: Tensor, other: Tensor, threshold: float, scale: float = 1.0) -> Tensor:
    """Return the bound on scale · max(0, ρ − ‖h − g‖ + 1) for each dissimilar pair, shape (t,)."""
    return hinge_bound(pair_contributions(f, other), slope=-scale, intercept=scale * (1 + threshold))
