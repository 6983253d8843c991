"""ISTA-type network of SparseHash (§3): an unfolded iterative shrinkage algorithm that gives sparse codes."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

from hashcore.networks.spec import Ista


class IstaNetwork(nn.Module):
    """z₁ = σ(W x, τ), z ← σ(W x + S z, τ), then tanh(β z), with σ(z, τ) = max(0, |z| − τ) sign z.

    The iterations share W, S and τ, as in a recurrent network.

    Attributes:
        W: Filters, shape (m, d).
        S: Mutual inhibition, shape (m, m).
        thresholds: τ, shape (m,).
    """

    def __init__(self, dimensions: int, units: int, iterations: int, slope: float) -> None:
        super().__init__()
        self.iterations, self.slope = iterations, slope
        self.W = nn.Parameter(torch.empty(units, dimensions))
        self.S = nn.Parameter(torch.empty(units, units))
        self.thresholds = nn.Parameter(torch.zeros(units))
        if not self.W.is_meta:  # there only shapes are wanted
            self.reset()

    def reset(self) -> None:
        """Take random filters of unit length, and the inhibition that suits them."""
        with torch.no_grad():
            self.W.copy_(nn.functional.normalize(torch.randn(self.W.shape), dim=1))
            self.S.copy_(inhibition(self.W))

    def forward(self, items: Tensor) -> Tensor:
        """Return relaxed codes (n, m) from −1 to 1, of which many are exactly 0."""
        drive = items.flatten(1) @ self.W.T
        code = shrink(drive, self.thresholds)
        for _ in range(self.iterations):
            code = shrink(drive + code @ self.S.T, self.thresholds)
        return torch.tanh(self.slope * code)

    def start(self, items: Tensor) -> None:
        """Take random items of unit length as filters, and the inhibition of ISTA with them as dictionary (§3).

        Args:
            items: Preprocessed training items, shape (n, *shape), all finite; drawn from with torch's random numbers.
        """
        rows = items.flatten(1)
        chosen = rows[torch.randperm(len(rows))[: len(self.W)].sort().values]
        filters = nn.functional.normalize(chosen.to(self.W), dim=1)
        with torch.no_grad():
            self.W[: len(filters)] = filters  # fewer items than filters leave the rest random
            self.S.copy_(inhibition(self.W))


def inhibition(filters: Tensor) -> Tensor:
    """Return ISTA's S = I − W Wᵀ / L, shape (m, m), for filters W, shape (m, d); L is W Wᵀ's largest eigenvalue."""
    gram = filters @ filters.T
    largest: Tensor = torch.linalg.matrix_norm(gram, ord=2).clamp(min=1e-12)
    return torch.eye(len(gram), dtype=gram.dtype, device=gram.device) - gram / largest


def shrink(values: Tensor, thresholds: Tensor) -> Tensor:
    """Return σ(z, τ) = max(0, |z| − τ) sign z, of the shape (n, m) of the values; `thresholds` are τ, shape (m,)."""
    return torch.relu(values.abs() - thresholds) * values.sign()


def ista(spec: Ista, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Build an ISTA-type network for items of a shape; projections have shape (n, outputs)."""
    return IstaNetwork(prod(shape), outputs, spec.iterations, spec.slope)
