"""Linear projections (HDML §2): each bit is the side of one hyperplane."""

from __future__ import annotations

from math import prod

from torch import nn

from hashcore.networks.spec import Linear


def linear(_spec: Linear, shape: tuple[int, ...], code_length: int) -> nn.Module:
    """Build f(x) = W x + v for items of a shape; projections have shape (n, code_length)."""
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), code_length))
