"""Mean-zero penalty (HDML eq. 12): a bit that is as often set as not tells most."""

from __future__ import annotations

from torch import Tensor


def mean_zero(projections: Tensor) -> Tensor:
    """Return ½ ‖mean over x of f(x)‖², a scalar; `projections` are f(x) of one mini-batch, shape (n, q)."""
    return 0.5 * projections.mean(dim=0).square().sum()
