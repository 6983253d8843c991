"""Losses as configuration; reading this needs no torch."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from hashcore.spec import Spec


class TripletRanking(Spec):
    """HDML's triplet ranking loss (eq. 3)."""

    name: Literal["triplet_ranking"] = "triplet_ranking"
    scale: float = Field(default=2.0, gt=0)
    """Size of the loss against that of the projections."""
    relaxed: ClassVar = False

    @property
    def first_spread(self) -> float:
        """Standard deviation of projections to begin with, so that hardly any bit of a triplet is undecided."""
        return 2 * self.scale


class PairwiseHinge(Spec):
    """The pairwise hinge of minimal loss hashing (HDML eq. 2)."""

    name: Literal["pairwise_hinge"] = "pairwise_hinge"
    threshold: float = Field(ge=0)
    """Distance in bits that separates similar from dissimilar pairs (ρ)."""
    scale: float = Field(default=2.0, gt=0)
    """Size of the loss against that of the projections."""
    relaxed: ClassVar = False

    @property
    def first_spread(self) -> float:
        """Standard deviation of projections to begin with, so that hardly any bit of a pair is undecided."""
        return 2 * self.scale


class NnHash(Spec):
    """The contrastive loss of NN-hash (SparseHash eq. 3) and, with several modalities, of MM-NN (mmnn eq. 5–7)."""

    name: Literal["nn_hash"] = "nn_hash"
    margin: float = Field(default=5.0, gt=0)
    """Euclidean distance that dissimilar codes of ±1 shall keep: 3 for 12 bits, 5 for 24 and 48, 7 for 64 (mmnn §4)."""
    relaxed: ClassVar = True
    first_spread: ClassVar = 0.5


class SparseHash(Spec):
    """The loss of SparseHash (eq. 4) and, with several modalities, of MM-SparseHash (eq. 5)."""

    name: Literal["sparsehash"] = "sparsehash"
    margin: float = Field(default=4.0, gt=0)
    """L1 distance that dissimilar codes shall keep (M); in bits of a ternary code."""
    push: float = Field(default=1.0, gt=0)
    """Weight of dissimilar pairs that are too close (λ)."""
    sparsity: float = Field(default=0.01, ge=0)
    """Weight of the values that are not zero (α)."""
    relaxed: ClassVar = True
    first_spread: ClassVar = 0.5


class DeepHash(Spec):
    """DeepHash's exponentiated code product by its bilinear approximation (eq. 5–10), over all pairs of a batch."""

    name: Literal["deephash"] = "deephash"
    relaxed: ClassVar = False
    first_spread: ClassVar = 1.0


class RelaxedTriplet(Spec):
    """The relaxed triplet loss of deep neural network hashing (dnnh eq. 2)."""

    name: Literal["relaxed_triplet"] = "relaxed_triplet"
    margin: float = Field(default=1.0, gt=0)
    """Bits by which x⁺ shall be nearer than x⁻; 1 in the paper."""
    relaxed: ClassVar = True
    first_spread: ClassVar = 0.5


Negatives = Literal["hard", "drawn", "every"]
"""Dissimilar rows that complete a triplet: the nearest of the batch (HDML §5), one at random, or each."""

LossSpec = Annotated[
    TripletRanking | PairwiseHinge | NnHash | SparseHash | DeepHash | RelaxedTriplet, Field(discriminator="name")
]
