"""Linear projections (HDML §2): each bit is the side of one hyperplane."""

from __future__ import annotations

from math import prod

from torch import nn

from hashcore.networks.spec import Linear


def linear(spec: Linear, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Build f(x) = W x + v, or its tanh, for items of a shape; projections have shape (n, outputs)."""
    layers = [nn.Flatten(), nn.Linear(prod(shape), outputs)]
    return nn.Sequential(*layers, *([nn.Tanh()] if spec.bounded else []))
