"""Cosines of linear projections: each bit cuts the items into stripes (spectral hashing's eigenfunctions)."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

from hashcore.networks.spec import Cosine


class Cos(nn.Module):
    """The cosine of every value."""

    def forward(self, values: Tensor) -> Tensor:
        """Return the cosines, of the shape of the values."""
        return torch.cos(values)


def cosine(_spec: Cosine, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Build f(x) = cos(W x + v) for items of a shape; projections have shape (n, outputs)."""
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), outputs), Cos())
