"""Multilayer networks of tanh units (HDML §2)."""

from __future__ import annotations

from math import prod

from torch import nn

from hashcore.networks.spec import Mlp


def mlp(spec: Mlp, shape: tuple[int, ...], code_length: int) -> nn.Module:
    """Build a network of tanh layers for items of a shape; projections have shape (n, code_length)."""
    widths = (prod(shape), *spec.hidden)
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in zip(widths, spec.hidden, strict=False):
        layers += [nn.Linear(inputs, outputs), nn.Tanh()]
        if spec.dropout:
            layers.append(nn.Dropout(spec.dropout))
    layers.append(nn.Linear(widths[-1], code_length))
    if spec.bounded:
        layers.append(nn.Tanh())
    return nn.Sequential(*layers)
