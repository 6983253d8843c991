"""The networks by name: a new one needs its file, its spec and a line here."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from hashcore.networks.convolutional import convolutional
from hashcore.networks.cosine import cosine
from hashcore.networks.custom import own
from hashcore.networks.identity import identity
from hashcore.networks.ista import ista
from hashcore.networks.linear import linear
from hashcore.networks.mlp import mlp
from hashcore.networks.nin import nin
from hashcore.networks.residual import residual
from hashcore.networks.spec import NetworkSpec

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "cosine": cosine,
    "linear": linear,
    "mlp": mlp,
    "identity": identity,
    "ista": ista,
    "nin": nin,
    "convolutional": convolutional,
    "residual": residual,
    "own": own,
}


def build(spec: NetworkSpec, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Build a network with fresh weights from torch's random numbers.

    Args:
        spec: Which network.
        shape: Shape of one item.
        outputs: Projections of an item.

    Returns:
        A module from float32 (n, *shape) to float32 (n, outputs).

    Raises:
        InvalidInputError: If the network cannot read items of that shape.
        ConfigError: If a network of the user's own cannot be imported.
    """
    return NETWORKS[spec.name](spec, shape, outputs)
