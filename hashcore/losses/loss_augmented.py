"""Loss-augmented inference (HDML §3.2): the codes that maximise loss plus agreement with the projections.

For codes g of one item each, it is max over all g of ℓ(d(g)) + Σ gᵀf, where d adds up an effect of each bit. What bit
i can contribute to the agreement when its effect is e does not depend on the other bits (HDML eq. 10), so every
function here takes these *contributions*: a dict from effect e to a tensor of shape (n, q).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

import torch
from torch import Tensor

Contributions = Mapping[int, Tensor]


def triplet_contributions(f: Tensor, f_plus: Tensor, f_minus: Tensor) -> Contributions:
    """Return HDML eq. 10: the largest a·f + b·f⁺ + c·f⁻ of each bit, by its effect [a ≠ b] − [a ≠ c] on d.

    With b = ±a and c = ±a the sum is a·(f ± f⁺ ± f⁻), and the better sign of a makes it an absolute value.

    Args:
        f: Projections of the items, shape (n, q).
        f_plus: Projections of the similar items, shape (n, q).
        f_minus: Projections of the dissimilar items, shape (n, q).
    """
    total, difference = f_plus + f_minus, f_plus - f_minus
    return {
        -1: (f + difference).abs(),
        0: torch.maximum((f + total).abs(), (f - total).abs()),
        1: (f - difference).abs(),
    }


def pair_contributions(f: Tensor, other: Tensor) -> Contributions:
    """Return the largest a·f + b·f′ of each bit, by its effect [a ≠ b] on the distance of a pair; shape (n, q)."""
    return {0: (f + other).abs(), 1: (f - other).abs()}


def hinge_bound(contributions: Contributions, slope: float, intercept: float) -> Tensor:
    """Return the upper bound (HDML eq. 6) on ℓ(d) = max(0, slope · d + intercept), exactly and in O(q).

    HDML solves eq. 7 by dynamic programming over the values of d, which serves any ℓ. A hinge is the larger of two
    functions linear in d, and the maximum over codes of a maximum of two is the larger of their two maxima. For each
    linear function the objective is a sum over bits, so every bit chooses its effect alone:

        max_g ℓ(d) + Σ gᵀf  =  max( Σᵢ max_e cᵢ(e),  intercept + Σᵢ max_e (cᵢ(e) + slope · e) ).

    The first sum is Σ|f|, which eq. 6 subtracts; what remains is the positive part of a sum of differences.

    Returns:
        The bound of each of n, shape (n,); its gradient is (ĝ − sign f), as in HDML §3.3.
    """
    agreement = reduce(torch.maximum, contributions.values())
    augmented = reduce(torch.maximum, (values + slope * effect for effect, values in contributions.items()))
    return torch.relu(intercept + (augmented - agreement).sum(dim=1))


def by_dynamic_programme(contributions: Contributions, loss: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """Solve HDML eq. 7 for any loss of d, in O(q²) steps of the paper's knapsack-like programme (eq. 9–10).

    Args:
        contributions: By effect, which are consecutive whole numbers; shape (n, q) each.
        loss: Takes all reachable values of d, ascending, and returns the loss at each, of the same shape.

    Returns:
        The maximum of loss plus agreement, shape (n,), and the effect that each bit then has, int64 of shape (n, q).
    """
    effects = sorted(contributions)
    stacked = torch.stack([contributions[effect] for effect in effects])  # stacked[e, n, i]
    (_, n, q), low = stacked.shape, effects[0]
    best, choices = stacked.new_zeros(n, 1), []  # best[:, j]: the most of the first i bits when d = i · low + j
    for i in range(q):
        best, choice = _extend(best, stacked[:, :, i])
        choices.append(choice)
    values = torch.arange(best.shape[1], device=best.device) + low * q
    maximum, position = (best + loss(values).to(best)).max(dim=1)
    return maximum, _trace(choices, position) + low


def _extend(best: Tensor, contribution: Tensor) -> tuple[Tensor, Tensor]:
    """Add a bit: `best` (n, width) and the bit's `contribution` (effects, n) give (n, width + effects − 1)."""
    effects, (n, width) = len(contribution), best.shape
    options = best.new_full((effects, n, width + effects - 1), -torch.inf)
    for e in range(effects):
        options[e, :, e : e + width] = best + contribution[e][:, None]
    extended, choice = options.max(dim=0)
    return extended, choice


def _trace(choices: list[Tensor], position: Tensor) -> Tensor:
    """Walk the choices back from the last bit; return which of the effects each bit took, shape (n, q)."""
    taken = []
    for choice in reversed(choices):
        effect = choice.gather(1, position[:, None])[:, 0]
        position = position - effect
        taken.append(effect)
    return torch.stack(taken[::-1], dim=1)
