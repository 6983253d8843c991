"""Network in network with divide-and-encode (dnnh Table 1): convolutions, each followed by a 1 × 1 convolution."""

from __future__ import annotations

import torch
from torch import nn

from hashcore.errors import InvalidInputError
from hashcore.networks.layers.divide_and_encode import DivideAndEncode, PiecewiseThreshold
from hashcore.networks.spec import Nin

SMALL = 64
SMALLEST = 8


def nin(spec: Nin, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Build the sub-network of Table 1 and its encoder; projections have shape (n, outputs).

    Images with a side below 64 take the form for 32 × 32: the first convolution is 5 × 5 and keeps the size, where
    Table 1 has 11 × 11 with stride 4; the rest is alike.

    Raises:
        InvalidInputError: If items are no images of at least 8 × 8.
    """
    channels, small = _channels(shape), min(shape[1:]) < SMALL
    inputs, outlets = (channels, *spec.widths[:3]), (*spec.widths[:3], spec.features_per_bit * outputs)
    sizes, strides = (5 if small else 11, 5, 3, 3), (1 if small else 4, 1, 1, 1)
    layers: list[nn.Module] = []
    for block in zip(inputs, spec.widths, outlets, sizes, strides, strict=True):
        if layers:
            layers += [nn.MaxPool2d(3, 2, ceil_mode=True), nn.Dropout2d(spec.dropout)]
        layers += _block(*block)
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *_encoder(spec, outputs))
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _channels(shape: tuple[int, ...]) -> int:
    """Return the channels of images of a shape that can be read."""
    if len(shape) != 3 or min(shape[1:]) < SMALLEST:
        raise InvalidInputError(
            f"network nin reads images of at least {SMALLEST} x {SMALLEST}, and items have shape {shape}; use mlp"
        )
    return shape[0]


def _block(inputs: int, width: int, outputs: int, size: int, stride: int) -> list[nn.Module]:
    """Return a convolution and a 1 × 1 convolution, each rectified."""
    return [*_convolution(inputs, width, size, stride), *_convolution(width, outputs, 1, 1)]


def _convolution(inputs: int, outputs: int, size: int, stride: int) -> list[nn.Module]:
    """Return a convolution that keeps the size up to its stride, and rectification."""
    layer = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return [layer, nn.ReLU()]


def _encoder(spec: Nin, outputs: int) -> list[nn.Module]:
    """Return the layers from averaged features to relaxed codes: divide-and-encode, or fully connected (§4.3)."""
    features = spec.features_per_bit * outputs
    if spec.encoder == "full":  # Fig. 2 b: a sigmoid, no threshold
        return [nn.Linear(features, outputs), PiecewiseThreshold(spec.slope, 0.5, 1.0, 1)]
    threshold = PiecewiseThreshold(spec.slope, spec.epsilon, spec.epsilon_decay, spec.epsilon_every)
    return [DivideAndEncode(features, outputs), threshold]
