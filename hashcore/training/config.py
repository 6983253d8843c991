"""Everything that decides how a hasher is trained, as configuration; reading this needs no torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from hashcore.codes import MAX_CODE_LENGTH, MIN_CODE_LENGTH, Kind
from hashcore.losses.spec import LossSpec, Negatives, TripletRanking
from hashcore.networks.spec import Mlp, NetworkSpec, Own, Preprocessing
from hashcore.spec import Spec
from hashcore.training.schedule import Schedule, ScheduleSpec

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]


class Sgd(Spec):
    """Stochastic gradient descent with momentum (HDML §5)."""

    name: Literal["sgd"] = "sgd"
    learning_rate: float = Field(default=0.03, gt=0)
    """Largest step size; the schedule scales it."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Share of the previous step that is added to the present one."""
    weight_decay: float = Field(default=3e-3, ge=0)
    """λ of HDML eq. 4."""


class AdamW(Spec):
    """Adam with decoupled weight decay (Loshchilov, Hutter 2019)."""

    name: Literal["adamw"] = "adamw"
    learning_rate: float = Field(default=1e-3, gt=0)
    """Largest step size; the schedule scales it."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Share of a weight that a step of size 1 takes away."""


class Lbfgs(Spec):
    """L-BFGS on one batch after another, a few iterations each (mmnn §3.3); in one process alone."""

    name: Literal["lbfgs"] = "lbfgs"
    learning_rate: float = Field(default=1.0, gt=0)
    """First step of the line search; the schedule scales it."""
    iterations: int = Field(default=5, ge=1)
    """Iterations on a batch; the next batch begins without memory."""


def slower(optimizer: Sgd | AdamW | Lbfgs) -> str:
    """Return the option to type for the same optimizer with a quarter of the step size.

    >>> slower(AdamW())
    "--set 'train.optimizer={name: adamw, learning_rate: 0.00025, weight_decay: 0}'"
    """
    values = {**optimizer.model_dump(), "learning_rate": optimizer.learning_rate / 4}
    shown = ", ".join(f"{key}: {value if isinstance(value, str) else f'{value:g}'}" for key, value in values.items())
    return f"--set 'train.optimizer={{{shown}}}'"


class Augmentation(Spec):
    """Variation of images in training, each time anew; images that are judged or encoded stay as they are."""

    shift: int = Field(default=0, ge=0)
    """Pixels by which an image is moved at most, down or up and across; its border is repeated."""
    mirror: bool = False
    """Mirror an image half of the time it is seen, left to right."""


class Branch(Spec):
    """One of several modalities that are trained together."""

    network: NetworkSpec | None = None
    """Its network; none takes that of the training."""
    preprocessing: Preprocessing | None = None
    """Steps applied to its inputs; none takes those of the training."""
    weight: float = Field(default=0.5, ge=0)
    """Weight of the loss within it, beside that across modalities (α of mmnn eq. 7, μ of SparseHash eq. 5)."""


class Pretraining(Spec):
    """Two stages of classification before the loss is lowered (DeepHash, Algorithm 1); part of `epochs`."""

    epochs: int = Field(default=5, ge=1)
    """Epochs in which the layers below the hash layer learn to classify, with a softmax upon them."""
    hash_epochs: int = Field(default=2, ge=0)
    """Epochs in which the hash layer alone learns bits that a softmax can classify."""


class TrainingConfig(Spec):
    """One training of one hasher."""

    code_length: int = Field(default=64, ge=MIN_CODE_LENGTH, le=MAX_CODE_LENGTH)
    """Bits of a code."""
    kind: Kind = "dense"
    """Kind of codes: a bit is the sign of a projection, or two bits the nearest of −1, 0, +1 where it is `ternary`."""
    preprocessing: Preprocessing = Preprocessing()
    """Steps applied to inputs before the network."""
    network: NetworkSpec = Mlp()
    """The network that projects inputs."""
    modalities: dict[Name, Branch] = Field(default_factory=dict)
    """Modalities to train together, each with a network of its own, by name; none for a single one."""
    loss: LossSpec = TripletRanking()
    """Loss that the projections are judged by."""
    first_spread: float | None = Field(default=None, gt=0)
    """Standard deviation of projections before the first step, ahead of a final tanh; none: what suits the loss."""
    augmentation: Augmentation | None = None
    """Variation of images; none shows them as they are."""
    negatives: Negatives = "hard"
    """Dissimilar rows that complete a triplet: the nearest of the batch (HDML §5), one at random, or each."""
    mean_zero: float = Field(default=0.1, ge=0)
    """Weight of the mean-zero penalty (HDML eq. 12)."""
    standardized: bool = False
    """Hold each projection at mean 0 and its first spread over the batch in training (batch normalization of Ioffe and
    Szegedy 2015), so that no bit takes one value for all items, nor goes where a relaxed loss has no slope."""
    optimizer: Annotated[Sgd | AdamW | Lbfgs, Field(discriminator="name")] = Sgd()
    """Optimizer by which weights follow the gradient."""
    schedule: ScheduleSpec = Schedule()
    """Curve of the step size over the training."""
    pretraining: Pretraining | None = None
    """Classification beforehand; none trains by the loss from the start."""
    epochs: int = Field(default=20, ge=1)
    """Passes in which every row is an anchor once."""
    batch_size: int = Field(default=128, ge=4)
    """Rows of a batch, on each worker; half are anchors, the others share a label with them."""
    join_batches: bool = False
    """Let the loss see the batches of all workers as one, so that pairs of rows on different workers count."""
    validation_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of the rows that are not learned from but judged after each epoch."""
    patience: int | None = Field(default=None, ge=1)
    """Epochs without a better validation loss after which training ends with the best weights; none runs all epochs."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Numbers that the networks reckon with in training; the loss, the weights and codes stay float32."""
    compile: bool = False
    """Compile the networks with torch.compile, which pays on a GPU."""
    seed: int = Field(default=0, ge=0)
    """Decides first weights, order and draws."""

    def branch(self, name: str) -> Branch:
        """Return a modality with its network and preprocessing filled in."""
        given = self.modalities.get(name, Branch())
        return Branch(
            network=given.network or self.network,
            preprocessing=given.preprocessing or self.preprocessing,
            weight=given.weight,
        )

    def modules(self) -> tuple[str, ...]:
        """Return the modules that networks of the user's own are imported from."""
        networks = [self.network, *(branch.network for branch in self.modalities.values())]
        return tuple(network.module for network in networks if isinstance(network, Own))

    def spread(self) -> float:
        """Return the standard deviation of projections before the first step, or throughout where standardized."""
        return self.first_spread or self.loss.first_spread

    def weights(self, names: Iterable[str]) -> dict[str, float]:
        """Return the weight of the loss within each modality."""
        return {name: self.branch(name).weight for name in names}

    @model_validator(mode="after")
    def _consistent(self) -> TrainingConfig:
        """Refuse combinations that cannot work."""
        if len(self.modalities) == 1:
            raise ValueError("one modality is given; give two or more, or none for a single one")
        if self.kind == "ternary" and self.code_length % 2:
            raise ValueError(
                f"code_length={self.code_length}: a ternary code has two bits a dimension; give an even one"
            )
        if self.patience and not self.validation_share:
            raise ValueError(f"patience={self.patience} needs rows to judge; give validation_share, such as 0.1")
        if self.pretraining and self.pretraining.epochs + self.pretraining.hash_epochs > self.epochs:
            raise ValueError(f"pretraining takes more than the {self.epochs} epochs there are; raise epochs")
        networks = [self.branch(name).network for name in self.modalities or ("",)]
        loose = [network.name for network in networks if network and not network.bounded]
        if loose and (self.loss.relaxed or self.kind == "ternary"):
            what = "ternary codes are" if self.kind == "ternary" else f"loss {self.loss.name} is"
            raise ValueError(f"{what} of projections within -1 and 1, which {loose[0]} exceeds; set its bounded: true")
        return self
