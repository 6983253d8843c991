"""Devices that networks compute on, such as an NVIDIA GPU: float32 products, and random numbers, on each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from hashcore.errors import ConfigError


def check_device(name: str, told: str | None = None) -> torch.device:
    """Return the device of a name such as "cpu", "cuda" or "cuda:1".

    Args:
        name: The device.
        told: Option that asked for it, as an error shows it; None shows the name.

    Raises:
        ConfigError: If torch cannot compute there.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except Exception as error:  # each kind of device has its own
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ConfigError(
            f"{told or f'device={name}'}: torch {torch.__version__} cannot compute on {name} ({reason}); use cpu, or a "
            "device that this machine and its torch have, such as cuda for an NVIDIA GPU"
        ) from None
    return device


def describe_device(device: torch.device) -> str:
    """Return the product's name of a GPU, for another device its kind.

    >>> describe_device(torch.device("cpu"))
    'cpu'
    """
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


@contextmanager
def full_float32() -> Iterator[None]:
    """Let products of float32 numbers keep all their bits within the block, on every device.

    By torch's default a convolution on an NVIDIA GPU rounds its inputs to 11 bits (TF32), and
    `torch.set_float32_matmul_precision` lets matrix products do the like. The setting is that of the whole process.
    """
    places = _settings()
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in places]
    for owner, name, value in places:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


@contextmanager
def own_draws() -> Iterator[None]:
    """Give back torch's random numbers, of the CPU and of GPUs in use, as they were before the block.

    No GPU is put to use for that alone, as `torch.random.fork_rng` by itself would.
    """
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()  # type: ignore[no-untyped-call]
    with torch.random.fork_rng(list(gpus), device_type="cuda"):
        yield


def _settings() -> list[tuple[Any, str, Any]]:
    """Return the holder of a setting, its name, and its value that keeps all bits."""
    backends: Any = torch.backends
    if hasattr(backends.cudnn, "conv"):  # since torch 2.9
        owners = [backends.cudnn.conv, backends.cuda.matmul, backends.mkldnn.conv, backends.mkldnn.matmul]
        return [(owner, "fp32_precision", "ieee") for owner in owners]
    return [(backends.cudnn, "allow_tf32", False), (backends.cuda.matmul, "allow_tf32", False)]
