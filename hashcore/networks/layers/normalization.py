"""Normalisation of feature maps, image by image, so that codes do not depend on a batch."""

from __future__ import annotations

from math import gcd

from torch import nn


def normalized(channels: int, groups: int) -> list[nn.Module]:
    """Return a normalisation by groups of channels (Wu, He 2018), and a rectification."""
    return [nn.GroupNorm(gcd(channels, groups), channels), nn.ReLU()]
