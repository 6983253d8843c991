"""Everything that decides how a hasher is trained, as configuration; reading this needs no torch."""

from __future__ import annotations

from math import cos, pi
from typing import Annotated, Literal

from pydantic import Field

from hashcore.codes import MAX_CODE_LENGTH, MIN_CODE_LENGTH
from hashcore.losses.spec import LossSpec, TripletRanking
from hashcore.networks.spec import Mlp, NetworkSpec, Preprocessing
from hashcore.spec import Spec


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


class Schedule(Spec):
    """How the step size changes as training advances."""

    name: Literal["cosine", "constant"] = "cosine"
    """`cosine` falls to zero along half a cosine; `constant` stays."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the training in which the step size rises in a line from zero."""

    def factor(self, progress: float) -> float:
        """Return what the step size is multiplied with at a share `progress` of the training, from 0 to 1.

        >>> [round(Schedule(warmup=0.2).factor(progress), 3) for progress in (0.1, 0.2, 0.6, 1.0)]
        [0.5, 1.0, 0.5, 0.0]
        """
        if progress < self.warmup:
            return progress / self.warmup
        if self.name == "constant":
            return 1.0
        return (1 + cos(pi * (progress - self.warmup) / (1 - self.warmup))) / 2


class TrainingConfig(Spec):
    """One training of one hasher."""

    code_length: int = Field(default=64, ge=MIN_CODE_LENGTH, le=MAX_CODE_LENGTH)
    """Bits of a code."""
    preprocessing: Preprocessing = Preprocessing()
    """What is done to inputs before the network."""
    network: NetworkSpec = Mlp()
    """The network that projects inputs."""
    loss: LossSpec = TripletRanking()
    """What the projections are judged by."""
    first_spread: float = Field(default=2.0, gt=0)
    """Standard deviation of the projections before the first step, in units of the loss scale."""
    hard_negatives: bool = True
    """Take the nearest unrelated row of the batch as negative (HDML §5); otherwise one at random."""
    mean_zero: float = Field(default=0.1, ge=0)
    """Weight of the mean-zero penalty (HDML eq. 12)."""
    optimizer: Annotated[Sgd | AdamW, Field(discriminator="name")] = Sgd()
    """How weights follow the gradient."""
    schedule: Schedule = Schedule()
    """How the step size changes."""
    epochs: int = Field(default=20, ge=1)
    """Passes in which every row is an anchor once."""
    batch_size: int = Field(default=128, ge=4)
    """Rows of a batch, on each worker; half are anchors, the others share a label with them."""
    validation_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of the rows that are not learned from but judged after each epoch."""
    seed: int = Field(default=0, ge=0)
    """Decides first weights, order and draws."""
