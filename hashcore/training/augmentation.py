"""Variations of images in training: each time one is seen it is moved a little, or mirrored, or neither."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from hashcore.errors import ConfigError
from hashcore.training.config import Augmentation


def check(spec: Augmentation | None, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """See that there is something to vary.

    Args:
        spec: Of the variation; None varies nothing.
        shapes: Of one item of each modality.

    Raises:
        ConfigError: If no modality has images, or one has images that a shift would move out of sight.
    """
    if spec is None:
        return
    images = {name: shape for name, shape in shapes.items() if len(shape) == 3}
    if not images:
        found = ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items())
        raise ConfigError(f"train.augmentation varies images, and there is {found}; leave it out, or train from images")
    for name, (_, height, width) in images.items():
        if spec.shift >= min(height, width):
            raise ConfigError(
                f"train.augmentation.shift={spec.shift} moves {name} of {height} x {width} pixels out of sight; "
                f"give at most {min(height, width) // 2}"
            )


def vary(items: Mapping[str, Tensor], spec: Augmentation | None) -> Mapping[str, Tensor]:
    """Return the items of each modality with images varied; others as they are.

    Args:
        items: Of each modality, shape (n, *shape), of any number type; images are (n, channels, height, width).
        spec: Of the variation; None varies nothing.
    """
    if spec is None:
        return items
    return {name: _varied(values, spec) if values.ndim == 4 else values for name, values in items.items()}


def _varied(images: Tensor, spec: Augmentation) -> Tensor:
    """Return images, each varied in its own way by torch's random numbers; what moves in repeats the border."""
    count, channels, height, width = images.shape
    down, across = _places(count, height, spec.shift), _places(count, width, spec.shift)
    if spec.mirror:
        across = torch.where(torch.rand(count, 1) < 0.5, across.flip(1), across)
    image, channel = torch.arange(count)[:, None, None, None], torch.arange(channels)[:, None, None]
    taken = (image, channel, down[:, None, :, None], across[:, None, None, :])
    return images[tuple(places.to(images.device) for places in taken)]


def _places(count: int, size: int, shift: int) -> Tensor:
    """Return the line or column, of `size`, for each place of every image, int64 of shape (count, size)."""
    moves = torch.randint(-shift, shift + 1, (count, 1))
    return (torch.arange(size) + moves).clamp(0, size - 1)
