"""Which loss to train with, as configuration; reading this needs no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hashcore.spec import Spec


class TripletRanking(Spec):
    """HDML's triplet ranking loss (eq. 3)."""

    name: Literal["triplet_ranking"] = "triplet_ranking"
    scale: float = Field(default=2.0, gt=0)
    """Size of the loss against that of the projections."""


class PairwiseHinge(Spec):
    """The pairwise hinge of minimal loss hashing (HDML eq. 2)."""

    name: Literal["pairwise_hinge"] = "pairwise_hinge"
    threshold: float = Field(ge=0)
    """Distance in bits that separates similar from dissimilar pairs (ρ)."""
    scale: float = Field(default=2.0, gt=0)
    """Size of the loss against that of the projections."""


LossSpec = Annotated[TripletRanking | PairwiseHinge, Field(discriminator="name")]
