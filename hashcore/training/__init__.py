"""Training a hasher: `fit` does it in this process, `jobs.training` by the same steps on Ray."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashcore.training.in_process import fit

__all__ = ["fit"]


def __getattr__(name: str) -> Any:
    """Import `fit` when it is asked for: who reads a configuration alone needs no torch."""
    if name != "fit":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hashcore.training.in_process import fit

    return fit
