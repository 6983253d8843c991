"""One step of training: project a batch, judge its relations by the loss, follow the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from hashcore.hashers.quantization import hamming_distances
from hashcore.losses.by_name import choose
from hashcore.losses.coupled import coupled
from hashcore.losses.mean_zero import mean_zero
from hashcore.supervision.batch import Batch
from hashcore.supervision.negatives import complete, violations
from hashcore.supervision.relations import Relations
from hashcore.training.augmentation import vary
from hashcore.training.config import TrainingConfig
from hashcore.training.modality_networks import ModalityNetworks, Phase, Projector, classification_loss
from hashcore.training.workers import Workers, can_teach, joined, relations_of

Items = Mapping[str, Tensor]


class Sums(NamedTuple):
    """Sums over batches, from which the figures of an epoch are made."""

    items: float = 0.0
    """Rows that passed the network."""
    judged: float = 0.0
    """Rows of batches that held both a similar and a dissimilar pair."""
    loss: float = 0.0
    """Sum of the loss over those rows."""
    triplets: float = 0.0
    """Triplets among them."""
    violating: float = 0.0
    """Triplets whose codes are not ranked rightly."""
    missed_bits: float = 0.0
    """Sum over those of the bits by which they miss."""

    def add(self, other: Sums) -> Sums:
        """Return the sums over both."""
        return Sums(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


@dataclass
class Learner:
    """A module in training, with all that a step needs.

    Attributes:
        config: Of the training.
        module: Preprocessing and network of each modality, holding the weights.
        forward: Projects items with them; the module itself, or the module wrapped to keep workers in step.
        optimizer: Changes the module's weights.
        workers: The workers that train together.
        best: Weights of the epoch that did best on the rows held out, where training may stop early.
    """

    config: TrainingConfig
    module: ModalityNetworks
    forward: Projector
    optimizer: torch.optim.Optimizer
    workers: Workers
    best: dict[str, Tensor] | None = None

    def step(self, items: Items, batch: Batch, learning_rate: float, phase: Phase = "joint") -> Sums:
        """Learn from a batch.

        Args:
            items: The batch's rows in each modality, shape (b, *shape), of any number type.
            batch: Rows, and who of them is similar to whom.
            learning_rate: Step size.
            phase: Part of the training.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.module.train()
        shown = vary(self._here(items), self.config.augmentation)
        all_sums = []

        def objective() -> float:
            value, sums = self._judge(shown, batch, phase)
            self.optimizer.zero_grad(set_to_none=True)
            value.backward()  # type: ignore[no-untyped-call]
            all_sums.append(sums)
            return value.item()

        self.optimizer.step(objective)
        if isinstance(self.optimizer, torch.optim.LBFGS):
            self.optimizer.state.clear()  # its memory is of this batch (mmnn §3.3)
        return all_sums[0]

    def judge(self, items: Items, batch: Batch, phase: Phase = "joint") -> Sums:
        """Judge a batch as `step` does, without learning from it."""
        self.module.eval()
        with torch.no_grad():
            return self._judge(self._here(items), batch, phase, project=self.module, together=False)[1]

    def _here(self, items: Items) -> Items:
        """Return items on the device that learns."""
        return {name: values.to(self.workers.device) for name, values in items.items()}

    def _judge(
        self, items: Items, batch: Batch, phase: Phase, project: Projector | None = None, together: bool = True
    ) -> tuple[Tensor, Sums]:
        """Return the objective and the sums of a batch; `together` with those of all workers, where that is wanted."""
        with torch.autocast(self.workers.device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16"):
            outputs = (project or self.forward)(items, phase)
        outputs = {name: values.float() for name, values in outputs.items()}
        if phase != "joint":
            loss, count = classification_loss(outputs, batch, self.module.classes)
            return loss, Sums(items=len(batch.rows), judged=count, loss=loss.item() * count)
        if not (together and self.config.join_batches):
            return judge(self.config, outputs, relations_of(batch, self.workers.device))
        value, sums = judge(self.config, *joined(outputs, batch, self.workers))
        return value, sums._replace(items=len(batch.rows)) if self.workers.rank == 0 else Sums(items=len(batch.rows))


def judge(config: TrainingConfig, projections: Items, relations: Relations) -> tuple[Tensor, Sums]:
    """Return the objective to lower, a scalar with a gradient, and the sums of a batch.

    Args:
        config: Loss, kind of negatives, weight of the penalty.
        projections: Of the batch's rows in each modality, shape (b, q).
        relations: Of the rows.
    """
    all_rows = list(projections.values())
    first, last, rows = all_rows[0], all_rows[-1], len(all_rows[0])
    penalty = config.mean_zero * torch.stack([mean_zero(f) for f in all_rows]).sum()
    if not can_teach(relations):
        return penalty, Sums(items=rows)
    loss = choose(config.loss)

    def completed(f: Tensor, g: Tensor, among: Relations) -> Relations:
        return complete(config.negatives, f, g, among, config.kind)

    value = coupled(
        lambda f, g, among: loss(f, g, completed(f, g, among)), projections, relations, config.weights(projections)
    )
    distances, triplets = hamming_distances(first, last, config.kind), completed(first, last, relations).triplets
    missed = violations(distances, triplets)
    sums = Sums(rows, rows, value.item() * rows, len(missed), (missed > 0).sum().item(), missed.sum().item())
    return value + penalty, sums
