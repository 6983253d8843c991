"""The hash layer of a network: its last linear one, which gives each projection up to a bounding function."""

from __future__ import annotations

from torch import nn

from hashcore.networks.layers.divide_and_encode import DivideAndEncode

Head = nn.Linear | DivideAndEncode
"""Each has a weight of shape (q, …) and a bias of shape (q,), one row a projection."""


def head_of(module: nn.Module) -> Head | None:
    """Return the hash layer within a module, None if it has none."""
    return next((layer for layer in reversed(list(module.modules())) if isinstance(layer, Head)), None)


def split(network: nn.Module) -> tuple[nn.Sequential, Head, nn.Sequential] | None:
    """Return the layers below the hash layer, that layer, and what follows it; None if they do not stand in a row."""
    if not isinstance(network, nn.Sequential):
        return None
    for place in reversed(range(len(network))):
        layer = network[place]
        if isinstance(layer, Head):
            layers = list(network)
            return nn.Sequential(*layers[:place]), layer, nn.Sequential(*layers[place + 1 :])
    return None
