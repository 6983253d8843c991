"""The workers that train together: what they add up, and batches joined so that a loss sees the rows of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from hashcore.labels import Labels
from hashcore.supervision.batch import Batch
from hashcore.supervision.relations import DISSIMILAR, SIMILAR, Relations, Triplets

NO_VARIANCE = 1e-5  # keeps a constant projection finite
NO_LABEL = -(1 << 40)  # beyond int32: no label of a row


@dataclass(frozen=True)
class Workers:
    """The workers that train together; by default there is only this one.

    Attributes:
        rank: Number of this worker.
        count: Number of workers.
        add_up: Returns the sum of a tensor over all workers.
        gather: Returns the tensors of all workers, of equal shapes, one below the other; gradients find back.
        wrap: Returns a module whose gradients are averaged over all workers.
        device: Device of this worker.
    """

    rank: int = 0
    count: int = 1
    add_up: Callable[[Tensor], Tensor] = lambda tensor: tensor
    gather: Callable[[Tensor], Tensor] = lambda tensor: tensor
    wrap: Callable[[nn.Module], nn.Module] = lambda module: module
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))


def relations_of(batch: Batch, device: torch.device) -> Relations:
    """Return the relations of a batch as tensors; a triplet without a negative holds −1."""
    anchors, positives, negatives = (torch.from_numpy(part).to(device) for part in batch[1:4])
    return Relations(Triplets(anchors, positives, negatives), torch.from_numpy(batch.similarity).to(device))


def joined(projections: Mapping[str, Tensor], batch: Batch, workers: Workers) -> tuple[dict[str, Tensor], Relations]:
    """Return the projections and relations of the batches of all workers as those of one batch.

    The loss of the joined batch is the same on every worker. Its gradient reaches each worker's rows from all of them,
    and is averaged when the gradients of the weights are, so that weights move as with one worker.

    Args:
        projections: Of this worker's b rows, shape (b, q), by modality.
        batch: This worker's, of as many rows as every other's. Where it has labels, rows of different workers are
            judged by them; where it has none, nothing is known of such a pair.
        workers: All workers.
    """
    own = relations_of(batch, workers.device)
    shift, triplets = workers.rank * len(batch.rows), own.triplets
    negatives = torch.where(triplets.negatives < 0, -1, triplets.negatives + shift)
    moved = [workers.gather(part) for part in (triplets.anchors + shift, triplets.positives + shift, negatives)]
    everyone = {name: workers.gather(rows) for name, rows in projections.items()}
    return everyone, Relations(Triplets(*moved), _similarity(batch, own.similarity, workers))


def standardized(projections: Tensor, deviation: float, workers: Workers, together: bool) -> Tensor:
    """Return projections, shape (b, q), with mean 0 and a standard deviation over the batch, or over all workers'.

    `together` takes the moments over the batches of all workers. Computed in float32; a projection that is constant
    becomes 0.
    """
    projections = projections.float()
    variance, mean = torch.var_mean(workers.gather(projections) if together else projections, dim=0, correction=0)
    return (projections - mean) * (deviation * torch.rsqrt(variance + NO_VARIANCE))


def _similarity(batch: Batch, own: Tensor, workers: Workers) -> Tensor:
    """Return the similarities of the rows of all workers."""
    if batch.labels is None:
        blocks = torch.split(workers.gather(own), len(own))
        joint: Tensor = torch.block_diag(*blocks)  # type: ignore[no-untyped-call]
        return joint.to(torch.int8)
    width = int(workers.gather(torch.tensor([batch.labels.counts().max()], device=workers.device)).max())
    labels = workers.gather(torch.from_numpy(padded(batch.labels, width)).to(workers.device))
    shared = ((labels[:, None, :, None] == labels[None, :, None, :]) & (labels != NO_LABEL)[None, :, None, :]).any(3)
    similarity = torch.where(shared.any(2), SIMILAR, DISSIMILAR).to(torch.int8)
    return similarity.fill_diagonal_(SIMILAR)


def padded(labels: Labels, width: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Return labels as int64 of shape (n, width), filled up with a number that is no label."""
    table = np.full((len(labels), width), NO_LABEL, np.int64)
    rows = labels.row_numbers()
    table[rows, np.arange(len(rows)) - labels.offsets[rows]] = labels.values
    return table


def can_teach(relations: Relations) -> bool:
    """Return whether there are both a similar and a dissimilar pair of different rows."""
    similarity = relations.within().similarity
    return bool((similarity == SIMILAR).any() and (similarity == DISSIMILAR).any())
