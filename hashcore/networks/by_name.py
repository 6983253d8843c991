"""Networks by the names of their specs: a new one needs its file, whose function is named like it, and its spec."""

from __future__ import annotations

from importlib import import_module

from torch import nn

from hashcore.networks.spec import NetworkSpec


def build(spec: NetworkSpec, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Build a network with fresh weights from torch's random numbers.

    Args:
        spec: Of the network.
        shape: Shape of one item.
        outputs: Projections of an item.

    Returns:
        A module from float32 (n, *shape) to float32 (n, outputs).

    Raises:
        InvalidInputError: If the network cannot read items of that shape.
        ConfigError: If a network of the user's own cannot be imported.
    """
    network: nn.Module = getattr(import_module(f"hashcore.networks.{spec.name}"), spec.name)(spec, shape, outputs)
    return network
