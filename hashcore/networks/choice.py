"""The networks by name: a new one needs its file, its spec and a line here."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from hashcore.networks.cosine import cosine
from hashcore.networks.linear import linear
from hashcore.networks.mlp import mlp
from hashcore.networks.spec import NetworkSpec

NETWORKS: dict[str, Callable[..., nn.Module]] = {"cosine": cosine, "linear": linear, "mlp": mlp}


def build(spec: NetworkSpec, shape: tuple[int, ...], code_length: int) -> nn.Module:
    """Build a network with fresh weights from torch's random numbers.

    Args:
        spec: Which network.
        shape: Shape of one item.
        code_length: Projections of an item.

    Returns:
        A module from float32 (n, *shape) to float32 (n, code_length).
    """
    return NETWORKS[spec.name](spec, shape, code_length)
