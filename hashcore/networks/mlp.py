"""Multilayer networks of tanh units (HDML §2)."""

from __future__ import annotations

from math import prod

from torch import nn

from hashcore.networks.spec import Mlp


def mlp(spec: Mlp, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Build a network of tanh layers for items of a shape; projections have shape (n, outputs)."""
    widths = (prod(shape), *spec.hidden)
    layers: list[nn.Module] = [nn.Flatten(), *([nn.Dropout(spec.input_dropout)] if spec.input_dropout else [])]
    for below, above in zip(widths, spec.hidden, strict=False):
        layers += [nn.Linear(below, above), nn.Tanh()]
        if spec.dropout:
            layers.append(nn.Dropout(spec.dropout))
    layers.append(nn.Linear(widths[-1], outputs))
    if spec.bounded:
        layers.append(nn.Tanh())
    return nn.Sequential(*layers)
