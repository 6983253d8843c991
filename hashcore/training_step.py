"""One step of training: project a batch, find its triplets, follow the gradient of the bound on their loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hashcore.losses.choice import choose
from hashcore.losses.hard_negatives import hard_negatives, violations
from hashcore.losses.mean_zero import mean_zero
from hashcore.losses.triplets import Triplets
from hashcore.sampling import Batch
from hashcore.training_config import Sgd, TrainingConfig


class Tally(NamedTuple):
    """Sums over batches, from which the figures of an epoch are made."""

    items: float = 0.0
    """Rows that passed the network."""
    triplets: float = 0.0
    """Triplets among them."""
    loss: float = 0.0
    """Sum of the bound on the loss over triplets."""
    violating: float = 0.0
    """Triplets whose codes are not ranked rightly."""
    missed_bits: float = 0.0
    """Sum over those of the bits by which they miss."""

    def add(self, other: Tally) -> Tally:
        """Return the sums over both."""
        return Tally(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


@dataclass(frozen=True)
class Learner:
    """What a step works on.

    Attributes:
        config: How to learn.
        module: Preprocessing and network, holding the weights.
        forward: Projects items with them; the module itself, or the module wrapped to keep workers in step.
        optimizer: Changes the module's weights.
        device: Where the module is.
    """

    config: TrainingConfig
    module: nn.Sequential
    forward: nn.Module
    optimizer: torch.optim.Optimizer
    device: torch.device

    def step(self, items: Tensor, batch: Batch, progress: float) -> Tally:
        """Learn from a batch.

        Args:
            items: The batch's rows, shape (b, *shape), of any number type.
            batch: Triplets among them.
            progress: Share of the whole training that lies behind, which decides the step size.
        """
        self.forward.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.optimizer.learning_rate * self.config.schedule.factor(progress)
        projections = self.forward(items.to(self.device))
        objective, tally = judge(self.config, projections, batch)
        self.optimizer.zero_grad(set_to_none=True)
        objective.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return tally

    def judge(self, items: Tensor, batch: Batch) -> Tally:
        """Judge a batch as `step` does, without learning from it."""
        self.module.eval()
        with torch.no_grad():
            return judge(self.config, self.module(items.to(self.device)), batch)[1]


def judge(config: TrainingConfig, projections: Tensor, batch: Batch) -> tuple[Tensor, Tally]:
    """Return the objective to lower, a scalar with a gradient, and what is known of a batch's triplets.

    Args:
        config: Loss, kind of negatives, weight of the penalty.
        projections: Of the batch's rows, shape (b, q).
        batch: Triplets among them; those without a negative are left out.
    """
    triplets = choose_negatives(config, projections, batch)
    count = len(triplets.anchors)
    loss = choose(config.loss)(projections, triplets) if count else projections.sum() * 0.0
    missed = violations(projections, triplets)
    tally = Tally(len(projections), count, loss.item() * count, (missed > 0).sum().item(), missed.sum().item())
    return loss + config.mean_zero * mean_zero(projections), tally


def choose_negatives(config: TrainingConfig, projections: Tensor, batch: Batch) -> Triplets:
    """Return the batch's triplets with hard or random negatives, those that have one."""
    drawn = Triplets(*(torch.from_numpy(part).to(projections.device) for part in batch[1:4]))
    if config.hard_negatives:
        return hard_negatives(projections, drawn, torch.from_numpy(batch.related).to(projections.device))
    return drawn.keep(drawn.negatives >= 0)


def make_optimizer(config: TrainingConfig, module: nn.Module) -> torch.optim.Optimizer:
    """Return an optimizer of the module's weights, with no memory yet."""
    spec, weights = config.optimizer, module.parameters()
    if isinstance(spec, Sgd):
        return torch.optim.SGD(weights, spec.learning_rate, spec.momentum, weight_decay=spec.weight_decay)
    return torch.optim.AdamW(weights, spec.learning_rate, weight_decay=spec.weight_decay)
