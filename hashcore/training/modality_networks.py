"""The networks that are trained, one a modality, and for a while the classifiers of DeepHash's pre-training.

Pre-training (DeepHash, Algorithm 1) has two stages before all layers learn from the loss: first the layers below the
last linear one learn to classify with a softmax upon them; then, these frozen, the last linear layer learns to give
bits from which a softmax can classify.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, cast

import torch
from torch import Tensor, nn

from hashcore.errors import ConfigError, InvalidInputError
from hashcore.labels import Labels
from hashcore.networks.layers.hash_layer import Head, split
from hashcore.supervision.batch import Batch

Phase = Literal["classify", "hash", "joint"]
"""Pre-training of the lower layers, of the hash layer, and training of all layers by the loss."""

Projector = Callable[[Mapping[str, Tensor], Phase], dict[str, Tensor]]
"""Takes items of each modality; returns projections, or in pre-training the scores of classes."""

MAX_CLASSES = 1 << 16


class ModalityNetworks(nn.Module):
    """Preprocessing and network of each modality.

    Attributes:
        names: Of the modalities, in the order of `branches`.
        branches: Each a Sequential of preprocessing and network.
        upon_features: Classifiers of each modality that read what lies below the hash layer; none without pre-training.
        upon_bits: Classifiers of each modality that read the hash layer's bits.
        classes: The labels that the classifiers tell apart, int64, ascending.
    """

    classes: Tensor

    def __init__(self, branches: Mapping[str, nn.Sequential]) -> None:
        super().__init__()
        self.names = tuple(branches)
        self.branches = nn.ModuleList(branches.values())
        self.upon_features, self.upon_bits = nn.ModuleList(), nn.ModuleList()
        self.register_buffer("classes", torch.empty(0, dtype=torch.int64))

    def forward(self, items: Mapping[str, Tensor], phase: Phase = "joint") -> dict[str, Tensor]:
        """Return projections (n, q) of each modality, or scores of classes (n, classes) while they are learned."""
        if phase == "joint":
            return {name: branch(items[name]) for name, branch in zip(self.names, self.branches, strict=True)}
        return {name: self._scores(place, items[name], phase) for place, name in enumerate(self.names)}

    def by_name(self) -> dict[str, nn.Sequential]:
        """Return the branches by the names of their modalities."""
        return {name: cast(nn.Sequential, branch) for name, branch in zip(self.names, self.branches, strict=True)}

    def show(self, weights: Mapping[str, Tensor]) -> None:
        """Take the weights of the branches, of any shapes, from a state of the whole, and forget the classifiers."""
        prefix = "branches."
        mine = {name.removeprefix(prefix): weight for name, weight in weights.items() if name.startswith(prefix)}
        self.branches.load_state_dict(mine)

    def standardize(self, standardized: Callable[[Tensor], Tensor]) -> None:
        """Let a function change the projections of the hash layers, shape (n, q), in training, ahead of any bound.

        Raises:
            ConfigError: If a network has no hash layer.
        """
        for branch in self.by_name().values():
            parts(branch[1])[1].register_forward_hook(
                lambda layer, _inputs, projections: standardized(projections) if layer.training else projections
            )

    def prepare(self, classes: Tensor, bits: int) -> None:
        """Add classifiers of some classes, int64 of shape (classes,); `bits` is the number of projections."""
        self.classes = classes
        heads = [parts(branch[1])[1] for branch in self.by_name().values()]
        self.upon_features = nn.ModuleList(nn.Linear(head.in_features, len(classes)) for head in heads)
        self.upon_bits = nn.ModuleList(nn.Linear(bits, len(classes)) for _ in heads)

    def _scores(self, place: int, items: Tensor, phase: Phase) -> Tensor:
        """Return the scores of the classes of one modality."""
        preprocess, network = self.by_name()[self.names[place]]
        trunk, head, _ = parts(network)
        if phase == "classify":
            return cast(Tensor, self.upon_features[place](trunk(preprocess(items))))
        with torch.no_grad():
            features = trunk(preprocess(items))
        return cast(Tensor, self.upon_bits[place](torch.tanh(head(features))))


def parts(network: nn.Module) -> tuple[nn.Sequential, Head, nn.Sequential]:
    """Return the layers below the hash layer, that layer, and what follows it.

    Raises:
        ConfigError: If the network has no such layer.
    """
    found = split(network)
    if found is None:
        raise ConfigError(
            "train.pretraining and train.standardized need a network that ends in a linear layer; use linear, mlp, "
            "nin, convolutional or residual"
        )
    return found


def classes_of(labels: Labels, add_up: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the classes that any worker's labels name, int64 of shape (classes,), ascending.

    Raises:
        InvalidInputError: If labels are not numbered from 0 to 65,535.
    """
    values = labels.values
    if values.size and (values.min() < 0 or values.max() >= MAX_CLASSES):
        raise InvalidInputError(
            f"labels span {values.min()}..{values.max()}; pretraining classifies, so number the classes from 0 to "
            f"{MAX_CLASSES - 1}"
        )
    counts = add_up(torch.bincount(torch.from_numpy(values).long(), minlength=MAX_CLASSES).double())
    return torch.nonzero(counts).flatten()


def classification_loss(scores: Mapping[str, Tensor], batch: Batch, classes: Tensor) -> tuple[Tensor, int]:
    """Return the mean cross-entropy of the softmax of scores over modalities and labelled rows, and how many rows.

    A row of several labels wants an equal share of each.

    Args:
        scores: Of each modality, shape (b, classes).
        batch: Of b rows.
        classes: The labels that scores are of, int64, shape (classes,), ascending.

    Raises:
        ConfigError: If the batch comes without labels.
    """
    if batch.labels is None:
        raise ConfigError("pretraining classifies and needs labels; train from labels, or leave pretraining out")
    wanted = torch.zeros(len(batch.rows), len(classes))
    rows, values = torch.from_numpy(batch.labels.row_numbers()), torch.from_numpy(batch.labels.values).long()
    places = torch.searchsorted(classes.cpu(), values).clamp(max=len(classes) - 1)
    wanted[rows, places] = (classes.cpu()[places] == values).float()
    labelled = wanted.sum(dim=1) > 0
    shares = (wanted[labelled] / wanted[labelled].sum(dim=1, keepdim=True)).to(classes.device)
    losses = [nn.functional.cross_entropy(score[labelled.to(score.device)], shares) for score in scores.values()]
    return torch.stack(losses).mean(), int(labelled.sum())
