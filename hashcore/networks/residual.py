"""A small residual network for images (He et al. 2016, pre-activation), normalised image by image."""

from __future__ import annotations

from torch import Tensor, nn

from hashcore.errors import InvalidInputError
from hashcore.networks.layers.normalization import normalized
from hashcore.networks.spec import Residual


class ResidualBlock(nn.Module):
    """x ↦ shortcut(x) + two 3 × 3 convolutions, each behind a normalisation and a rectification."""

    def __init__(self, inputs: int, outputs: int, stride: int, groups: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *normalized(inputs, groups),
            nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
            *normalized(outputs, groups),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        )
        changes = stride > 1 or inputs != outputs
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if changes else nn.Identity()

    def forward(self, items: Tensor) -> Tensor:
        """Return maps of shape (n, outputs, height / stride, width / stride)."""
        maps: Tensor = self.shortcut(items) + self.branch(items)
        return maps


def residual(spec: Residual, shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Build a residual network for images of a shape; projections have shape (n, outputs).

    Raises:
        InvalidInputError: If items are no images.
    """
    if len(shape) != 3:
        raise InvalidInputError(f"network residual reads images, and items have shape {shape}; use mlp")
    width = spec.channels[0]
    layers: list[nn.Module] = [nn.Conv2d(shape[0], width, 3, padding=1, bias=False)]
    for stage, channels in enumerate(spec.channels):
        for block in range(spec.blocks):
            layers.append(ResidualBlock(width, channels, 2 if stage and not block else 1, spec.groups))
            width = channels
    layers += [*normalized(width, spec.groups), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, outputs)]
    return nn.Sequential(*layers, *([nn.Tanh()] if spec.bounded else []))
