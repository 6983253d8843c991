"""Preprocessing as the first layer of a hasher: fitted once on training data, saved with the weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import torch
from torch import Tensor, nn

from hashcore.networks.spec import Preprocessing

BLOCK_ROWS = 4096


class Preprocess(nn.Module):
    """Turn items of any number type into centred and scaled ones of the type of the weights, usually float32.

    Attributes:
        mean: Shape of one item; subtracted from it.
        scale: A scalar; multiplied with it at the end.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, spec: Preprocessing, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.unit_length = spec.unit_length
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(()))

    def forward(self, items: Tensor) -> Tensor:
        """Return preprocessed items of the same shape (n, *shape)."""
        return self._normalize(items.to(self.mean.dtype) - self.mean) * self.scale

    def _normalize(self, centered: Tensor) -> Tensor:
        """Scale items to unit length if that is wanted; a zero item stays zero."""
        if not self.unit_length:
            return centered
        return nn.functional.normalize(centered.flatten(1), dim=1).view_as(centered)


def fit(spec: Preprocessing, items: Tensor, add_up: Callable[[Tensor], Tensor] = lambda total: total) -> Preprocess:
    """Fit preprocessing to training items.

    Args:
        spec: Steps to apply.
        items: Training items, shape (n, *shape).
        add_up: Adds up sums over all workers that hold training items; a single one has them all.

    Returns:
        The fitted layer.
    """
    layer = Preprocess(spec, tuple(items.shape[1:]))
    count = add_up(torch.tensor(float(len(items)), dtype=torch.float64))
    if spec.center:
        layer.mean = (add_up(sum_blocks(items, lambda block: block.double().sum(0))) / count).float()
    if spec.unit_variance:
        squares = add_up(sum_blocks(items, lambda block: layer(block).double().square().sum()))
        layer.scale = ((count * layer.mean.numel() / squares).sqrt() if squares > 0 else torch.ones(())).float()
    return layer


def sum_blocks(items: Tensor, summarize: Callable[[Tensor], Tensor]) -> Tensor:
    """Add up a summary of every block of rows of items, shape (n, *shape); of the shape of a summary."""
    blocks = [slice(start, start + BLOCK_ROWS) for start in range(0, len(items), BLOCK_ROWS)]
    return reduce(torch.add, (summarize(items[block]) for block in blocks))
