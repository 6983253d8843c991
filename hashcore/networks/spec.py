"""Which network, on inputs preprocessed how, as configuration; reading this needs no torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hashcore.spec import Spec


class Preprocessing(Spec):
    """What is done to inputs before the network, in this order, with figures of the training data."""

    center: bool = True
    """Subtract the mean of the training data from every value."""
    unit_length: bool = False
    """Scale every item to length 1."""
    unit_variance: bool = True
    """Divide all values by one number, so that their mean square over the training data is 1."""


class Linear(Spec):
    """f(x) = W x + v (HDML §2)."""

    name: Literal["linear"] = "linear"


class Cosine(Spec):
    """f(x) = cos(W x + v): the eigenfunctions of spectral hashing (Weiss, Torralba, Fergus 2008)."""

    name: Literal["cosine"] = "cosine"


class Mlp(Spec):
    """Layers of tanh units and a linear one, such as f(x) = W₂ tanh(W₁ x + v₁) + v₂ (HDML §2)."""

    name: Literal["mlp"] = "mlp"
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(512,), min_length=1)
    """Units of each hidden layer."""
    bounded: bool = False
    """End in a tanh, as the paper writes it; the codes stay the same, the projections lie within −1 and 1."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of hidden units left out at random in each training step."""


NetworkSpec = Annotated[Linear | Cosine | Mlp, Field(discriminator="name")]
