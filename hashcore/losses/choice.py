"""The losses by name: a new one needs its file, its spec and a line here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor

from hashcore.losses.deephash import deephash
from hashcore.losses.nn_hash import nn_hash
from hashcore.losses.pairwise_hinge import pairwise_hinge
from hashcore.losses.relaxed_triplet import relaxed_triplet
from hashcore.losses.sparsehash import sparsehash
from hashcore.losses.spec import LossSpec
from hashcore.losses.triplet_ranking import triplet_ranking
from hashcore.supervision.relations import Loss

LOSSES: dict[str, Callable[..., Tensor]] = {
    "triplet_ranking": triplet_ranking,
    "pairwise_hinge": pairwise_hinge,
    "nn_hash": nn_hash,
    "sparsehash": sparsehash,
    "deephash": deephash,
    "relaxed_triplet": relaxed_triplet,
}


def choose(spec: LossSpec) -> Loss:
    """Return the loss that a spec describes, its parameters filled in."""
    return partial(LOSSES[spec.name], **spec.model_dump(exclude={"name"}))
