"""The losses by name: a new one needs its file, its spec and a line here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor

from hashcore.losses.pairwise_hinge import pairwise_hinge
from hashcore.losses.spec import LossSpec
from hashcore.losses.triplet_ranking import triplet_ranking
from hashcore.losses.triplets import Loss

LOSSES: dict[str, Callable[..., Tensor]] = {"triplet_ranking": triplet_ranking, "pairwise_hinge": pairwise_hinge}


def choose(spec: LossSpec) -> Loss:
    """Return the loss that a spec describes, its parameters filled in."""
    return partial(LOSSES[spec.name], **spec.model_dump(exclude={"name"}))
