"""No network at all: each value of an item, 0 or 1, decides one bit."""

from __future__ import annotations

from math import prod

from torch import Tensor, nn

from hashcore.errors import InvalidInputError
from hashcore.networks.spec import Identity


class Signs(nn.Module):
    """f(x) = 2 x − 1: −1 for 0, +1 for 1."""

    def forward(self, items: Tensor) -> Tensor:
        """Return projections (n, values) of items (n, …)."""
        return 2 * items.flatten(1) - 1


def identity(spec: Identity, shape: tuple[int, ...], outputs: int) -> nn.Module:  # noqa: ARG001 (as all networks)
    """Build f(x) = 2 x − 1.

    Raises:
        InvalidInputError: If an item has another number of values than the code has bits.
    """
    if prod(shape) != outputs:
        raise InvalidInputError(f"an item has {prod(shape)} values but the code {outputs} bits; give as many")
    return Signs()
