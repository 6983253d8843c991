"""Divide-and-encode module and piece-wise threshold of deep neural network hashing (dnnh §3.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DivideAndEncode(nn.Module):
    """Maps each of q slices of the features to one projection (eq. 4), so that bits share no feature.

    The first slices are longer by one where the features cannot be divided equally. The paper writes no bias; one is
    kept here so that projections can begin with mean zero.

    Attributes:
        in_features: Features that are divided.
        weight: Shape (q, features of the longest slice); what is beyond a shorter slice is not read.
        bias: Shape (q,).
    """

    places: Tensor
    inside: Tensor

    def __init__(self, in_features: int, slices: int) -> None:
        super().__init__()
        self.in_features = in_features
        layer = nn.Linear(-(-in_features // slices), slices)  # its first weights suit a slice
        self.weight, self.bias = layer.weight, layer.bias
        if not self.weight.is_meta:  # there only shapes are wanted
            self._divide(slices)

    def _divide(self, slices: int) -> None:
        """Note which features each slice reads, and which of its places are none."""
        each, longer = divmod(self.in_features, slices)
        sizes = torch.tensor([each + (i < longer) for i in range(slices)])
        starts = torch.cumsum(sizes, 0) - sizes
        offsets = torch.arange(self.weight.shape[1])
        inside = offsets < sizes[:, None]
        self.register_buffer("places", torch.where(inside, starts[:, None] + offsets, 0), persistent=False)
        self.register_buffer("inside", inside, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return projections (n, q) of features (n, in_features)."""
        return (features[:, self.places] * (self.weight * self.inside)).sum(dim=2) + self.bias


class PiecewiseThreshold(nn.Module):
    """Turns projections into relaxed codes: s = sigmoid(β c) (eq. 5), cut to 0 or 1 outside 0.5 ± ε (eq. 6), as 2s − 1.

    ε is multiplied by `decay` every `every` training batches (dnnh §4.1). The count is a buffer, so a resumed training
    keeps its ε.

    Attributes:
        batches: Training batches seen, int64 scalar.
    """

    batches: Tensor

    def __init__(self, slope: float, epsilon: float, decay: float, every: int) -> None:
        super().__init__()
        self.slope, self.first, self.decay, self.every = slope, epsilon, decay, every
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    @property
    def epsilon(self) -> float:
        """The ε of the next batch."""
        return float(self.first * self.decay ** (int(self.batches) // self.every))

    def forward(self, projections: Tensor) -> Tensor:
        """Return relaxed codes from −1 to 1, of the same shape and signs."""
        values = 2 * torch.sigmoid(self.slope * projections) - 1
        cut = 2 * self.epsilon
        if self.training:
            self.batches += 1
        return torch.where(values.abs() <= cut, values, torch.where(values > 0, 1.0, -1.0).to(values.dtype))
