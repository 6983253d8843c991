"""Torch's optimizers, set as configured."""

from __future__ import annotations

import torch
from torch import nn

from hashcore.training.config import AdamW, Lbfgs, Sgd


def make_optimizer(spec: Sgd | AdamW | Lbfgs, module: nn.Module) -> torch.optim.Optimizer:
    """Return an optimizer of the module's weights, with no memory yet."""
    weights = module.parameters()
    if isinstance(spec, Sgd):
        return torch.optim.SGD(weights, spec.learning_rate, spec.momentum, weight_decay=spec.weight_decay)
    if isinstance(spec, Lbfgs):
        return torch.optim.LBFGS(weights, spec.learning_rate, max_iter=spec.iterations, line_search_fn="strong_wolfe")
    return torch.optim.AdamW(weights, spec.learning_rate, weight_decay=spec.weight_decay)
