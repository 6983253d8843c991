"""First weights that suit the loss: projections of mean zero, spread widely enough for triplets to differ.

Where all |f| are small against the loss, the bound of HDML eq. 6 is flattest when every item has the same code: the
augmented code of x⁻ is then its own, nothing drives x⁻ away, and training ends there. Projections that begin centred
and with a standard deviation of about twice the loss scale keep clear of that.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from hashcore.networks.ista import IstaNetwork
from hashcore.networks.layers.hash_layer import Head, head_of

SAMPLE_ROWS = 4096
PASS_ROWS = 256


def start(branch: nn.Sequential, items: Tensor, deviation: float, add_up: Callable[[Tensor], Tensor]) -> None:
    """Give a network first weights that suit the items: its own way of starting, or else spread projections.

    Args:
        branch: Preprocessing and network.
        items: Training items, shape (n, *shape); the first 4,096 are looked at.
        deviation: As for `spread`.
        add_up: As for `spread`.
    """
    preprocess, network = branch
    if isinstance(network, IstaNetwork):
        with torch.no_grad():
            network.start(preprocess(items[:SAMPLE_ROWS]))
    elif head_of(network) is not None:
        spread(branch, items, deviation, add_up)


def spread(module: nn.Module, items: Tensor, deviation: float, add_up: Callable[[Tensor], Tensor]) -> None:
    """Rescale the hash layer so that every projection of the items has mean 0 and a standard deviation.

    Args:
        module: Preprocessing and network; a tanh after its hash layer is left out of account.
        items: Training items, shape (n, *shape); the first 4,096 are looked at.
        deviation: Standard deviation of every projection.
        add_up: Adds up sums over all workers that hold training items.
    """
    last = head_of(module)
    assert last is not None
    outputs = _outputs(module, last, items[:SAMPLE_ROWS]).double()
    count = add_up(torch.tensor(float(len(outputs)), dtype=torch.float64))
    mean = add_up(outputs.sum(dim=0)) / count
    found = (add_up((outputs - mean).square().sum(dim=0)) / count).sqrt()
    factor = torch.where(found > 0, deviation / found, 1.0)
    with torch.no_grad():
        last.weight.mul_(factor[:, None])
        last.bias.copy_((last.bias - mean) * factor)


def _outputs(module: nn.Module, layer: Head, items: Tensor) -> Tensor:
    """Return the output of a layer of a module for some items."""
    caught: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _layer, _inputs, output: caught.append(output))
    module.eval()
    with torch.no_grad():
        for block in torch.split(items, PASS_ROWS):
            module(block.to(layer.weight.device))
    hook.remove()
    return torch.cat(caught)
