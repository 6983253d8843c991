"""Convolutional networks as LeNet (LeCun et al. 1998) and those of DeepHash: convolve, rectify, pool, connect."""

from __future__ import annotations

import torch
from torch import nn

from hashcore.errors import InvalidInputError
from hashcore.networks.layers.normalization import normalized
from hashcore.networks.spec import Convolutional


def convolutional(spec: Convolutional, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Build a convolutional network for images of a shape; projections have shape (n, outputs).

    Weights are laid out with channels last, in which convolutions and pooling on a CPU read and write whole vectors.

    Raises:
        InvalidInputError: If items are no images, or too small for so many halvings.
    """
    if len(shape) != 3:
        raise InvalidInputError(f"network convolutional reads images, and items have shape {shape}; use mlp")
    if min(shape[1:]) < 1 << len(spec.channels):
        raise InvalidInputError(
            f"network convolutional halves images {len(spec.channels)} times, and {shape[1]} x {shape[2]} pixels are "
            "too few; give fewer channels, or use mlp"
        )
    width, height, breadth = shape
    layers: list[nn.Module] = []
    for channels in spec.channels:
        layers += [*_stage(width, channels, spec), nn.MaxPool2d(2)]
        width, height, breadth = channels, height // 2, breadth // 2
    layers.append(nn.Flatten())
    widths = (width * height * breadth, *spec.hidden)
    for below, above in zip(widths, spec.hidden, strict=False):
        layers += [nn.Linear(below, above), nn.ReLU(), nn.Dropout(spec.dropout)]
    layers.append(nn.Linear(widths[-1], outputs))
    network = nn.Sequential(*layers, *([nn.Tanh()] if spec.bounded else []))
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _stage(inputs: int, channels: int, spec: Convolutional) -> list[nn.Module]:
    """Return the convolutions of a stage, each normalised image by image and rectified."""
    layers: list[nn.Module] = []
    for place in range(spec.convolutions):
        convolution = nn.Conv2d(channels if place else inputs, channels, spec.size, padding=spec.size // 2, bias=False)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        layers += [convolution, *normalized(channels, spec.groups)]
    return layers
