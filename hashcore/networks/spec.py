"""Networks and preprocessing as configuration; reading this needs no torch."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from hashcore.spec import Spec

Width = Annotated[int, Field(ge=1)]
"""Units or channels of a layer."""


class Preprocessing(Spec):
    """Steps applied to inputs before the network, in this order, with figures of the training data."""

    center: bool = True
    """Subtract the mean of the training data from every value."""
    unit_length: bool = False
    """Scale every item to length 1."""
    unit_variance: bool = True
    """Divide all values by one number, so that their mean square over the training data is 1."""


class Network(Spec):
    """A network as configuration."""

    @property
    def layers(self) -> int:
        """Layers that have weights, at least; each has one weight or more."""
        return 1


class Linear(Network):
    """f(x) = W x + v (HDML §2), or its tanh: a layer of NN-hash (mmnn §3, L1)."""

    name: Literal["linear"] = "linear"
    bounded: bool = False
    """End in a tanh; the codes stay the same, the projections lie within −1 and 1."""


class Cosine(Network):
    """f(x) = cos(W x + v): the eigenfunctions of spectral hashing (Weiss, Torralba, Fergus 2008)."""

    name: Literal["cosine"] = "cosine"
    bounded: ClassVar = True


class Mlp(Network):
    """Layers of tanh units and a linear one, such as f(x) = W₂ tanh(W₁ x + v₁) + v₂ (HDML §2)."""

    name: Literal["mlp"] = "mlp"
    hidden: tuple[Width, ...] = Field(default=(512,), min_length=1, fail_fast=True)
    """Units of each hidden layer."""
    bounded: bool = False
    """End in a tanh, as the paper writes it; the codes stay the same, the projections lie within −1 and 1."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of hidden units left out at random in each training step."""
    input_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of inputs left out at random in each training step."""

    @property
    def layers(self) -> int:
        """Layers that have weights."""
        return len(self.hidden) + 1


class Ista(Network):
    """An unfolded iterative shrinkage algorithm of SparseHash (§3), which ends in a tanh."""

    name: Literal["ista"] = "ista"
    iterations: int = Field(default=1, ge=0, le=1000)
    """Shrinkages after the first one (T), at most 1,000; all share their weights."""
    slope: float = Field(default=1.0, gt=0)
    """Slope of the final tanh."""
    bounded: ClassVar = True


class Nin(Network):
    """The network in network of deep neural network hashing (dnnh Table 1), for images."""

    name: Literal["nin"] = "nin"
    widths: tuple[Width, Width, Width, Width] = (96, 256, 384, 1024)
    """Channels of the four blocks of convolutions."""
    features_per_bit: int = Field(default=50, ge=1)
    """Features of each bit, averaged over the image (50 in the paper)."""
    encoder: Literal["divide", "full"] = "divide"
    """`divide` gives each bit features of its own (§3.3), `full` all of them to each."""
    slope: float = Field(default=1.0, gt=0)
    """β of the sigmoid (eq. 5)."""
    epsilon: float = Field(default=0.5, gt=0, le=0.5)
    """ε of the piece-wise threshold to begin with (eq. 6); 0.5 cuts nothing."""
    epsilon_decay: float = Field(default=0.8, gt=0, le=1)
    """Factor that ε is multiplied with every `epsilon_every` batches."""
    epsilon_every: int = Field(default=20_000, ge=1)
    """Training batches after which it is."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of channels left out at random after each block in training."""
    bounded: ClassVar = True


class Convolutional(Network):
    """Stages of convolutions, each halved by pooling, and connected layers upon them, for images."""

    name: Literal["convolutional"] = "convolutional"
    channels: tuple[Width, ...] = Field(default=(64, 128, 256), min_length=1, fail_fast=True)
    """Channels of each stage."""
    convolutions: int = Field(default=1, ge=1)
    """Convolutions of a stage."""
    size: Literal[3, 5, 7] = 3
    """Height and width of a convolution."""
    groups: int = Field(default=8, ge=1)
    """Groups of a normalisation; it looks at one image alone, so codes do not depend on a batch."""
    hidden: tuple[Width, ...] = Field(default=(512,), fail_fast=True)
    """Units of each connected layer."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of those units left out at random in each training step."""
    bounded: bool = False
    """End in a tanh."""

    @property
    def layers(self) -> int:
        """Layers that have weights, without the normalisations."""
        return len(self.channels) * self.convolutions + len(self.hidden) + 1


class Residual(Network):
    """A small residual network of 3 × 3 convolutions (He et al. 2016), for images."""

    name: Literal["residual"] = "residual"
    channels: tuple[Width, ...] = Field(default=(32, 64, 128), min_length=1, fail_fast=True)
    """Channels of each stage; every stage after the first halves height and width."""
    blocks: int = Field(default=1, ge=1)
    """Residual blocks of a stage."""
    groups: int = Field(default=8, ge=1)
    """Groups of a normalisation; it looks at one image alone, so codes do not depend on a batch."""
    bounded: bool = False
    """End in a tanh."""

    @property
    def layers(self) -> int:
        """Layers that have weights, without the normalisations and shortcuts."""
        return 2 * len(self.channels) * self.blocks + 2


class Identity(Network):
    """No network: each value of an item, 0 or 1, decides one bit."""

    name: Literal["identity"] = "identity"
    bounded: ClassVar = True

    @property
    def layers(self) -> int:
        """None: no layer has weights."""
        return 0


class Own(Network):
    """A network of the user's own, by its import path; whoever loads the hasher has that module and allows it."""

    name: Literal["own"] = "own"
    path: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    """`package.module:function`, called with the shape of an item, the number of projections, and the settings."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Further arguments of the function, by name."""
    bounded: bool = False
    """Say that its projections lie within −1 and 1."""

    @property
    def module(self) -> str:
        """Name of the module that the function is imported from."""
        return self.path.partition(":")[0]

    @property
    def layers(self) -> int:
        """None that is known of."""
        return 0


NetworkSpec = Annotated[
    Linear | Cosine | Mlp | Ista | Nin | Convolutional | Residual | Identity | Own,
    Field(discriminator="name"),
]
