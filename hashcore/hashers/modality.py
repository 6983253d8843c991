"""One kind of a hasher's inputs: how it is read and projected, and what its weights must be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from pydantic import ConfigDict, Field
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from hashcore.codes import MAX_CODE_LENGTH, MIN_CODE_LENGTH, Kind
from hashcore.errors import InvalidInputError
from hashcore.hashers.quantization import outputs
from hashcore.inputs.column import InputSpec
from hashcore.networks.by_name import build
from hashcore.networks.layers.preprocessing import Preprocess
from hashcore.networks.spec import NetworkSpec, Own, Preprocessing
from hashcore.spec import Spec


class Modality(Spec):
    """A kind of input, and its way to projections."""

    input: InputSpec
    """Description of an item."""
    preprocessing: Preprocessing
    """Steps applied to it before the network."""
    network: NetworkSpec
    """The network that projects it."""
    sources: dict[str, str] = Field(default_factory=dict)
    """Of a network of the user's own: digest of the source of each module that it is made by, by the module's name."""

    def described(self) -> dict[str, Any]:
        """Return the whole as JSON holds it; sources only where there are any, so that older fingerprints stay."""
        return self.model_dump(mode="json", exclude=None if self.sources else {"sources"})

    def module(self, code_length: int, kind: Kind = "dense") -> nn.Sequential:
        """Build preprocessing and network with fresh weights; from (n, *input.shape) to (n, outputs of a code)."""
        shape = self.input.shape
        network = build(self.network, shape, outputs(code_length, kind))
        return nn.Sequential(Preprocess(self.preprocessing, shape), network)

    def filled(self, weights: Mapping[str, Tensor], code_length: int, kind: Kind) -> nn.Sequential:
        """Build preprocessing and network with these weights, whose shapes are compared before memory is taken.

        Raises:
            InvalidInputError: If a weight is missing or has another shape.
            RuntimeError: If there are weights that the network has not.
            ConfigError: If a network of the user's own cannot be made.
        """
        self._check_shapes(weights, code_length, kind)
        module = self.module(code_length, kind)
        module.load_state_dict(weights)
        return module

    def shapes(self, code_length: int, kind: Kind = "dense") -> dict[str, tuple[int, ...]]:
        """Return the shape of each weight by its name, and take no memory for it.

        Of a network of the user's own, which only its own code knows, the preprocessing's are returned.
        """
        with torch.device("meta"), _NoDraws():  # tensors there have a shape and no values
            if isinstance(self.network, Own):
                module = nn.Sequential(Preprocess(self.preprocessing, self.input.shape))
            else:
                module = self.module(code_length, kind)
        return {name: tuple(weight.shape) for name, weight in module.state_dict().items()}

    def _check_shapes(self, weights: Mapping[str, Tensor], code_length: int, kind: Kind) -> None:
        """Raise InvalidInputError if a weight is missing or has another shape than the description says."""
        name, layers = self.network.name, self.network.layers
        if layers > len(weights):  # even without values, so many layers would fill the memory
            raise InvalidInputError(f"network {name} has {layers} layers, and there are {len(weights)} weights")
        try:
            shapes = self.shapes(code_length, kind)
        except (RuntimeError, TypeError, OverflowError):  # as torch calls numbers beyond its own
            raise InvalidInputError(f"network {name} or its input has a size that no tensor has") from None
        for weight, shape in shapes.items():
            if weight not in weights:
                raise InvalidInputError(f"network {name} has a weight {weight} of shape {shape}, which is missing")
            if (found := tuple(weights[weight].shape)) != shape:
                raise InvalidInputError(f"weight {weight} of network {name} has shape {found} and must have {shape}")


class _NoDraws(TorchFunctionMode):
    """Leaves out the draws of first weights: for tensors without values torch would load 800 modules, in a second."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Return the function's result; a tensor itself if it was to be filled with random numbers."""
        return args[0] if func in (Tensor.normal_, Tensor.uniform_) else func(*args, **(kwargs or {}))


class Description(Spec):
    """Content of `hasher.json`, beside its format."""

    model_config = ConfigDict(extra="ignore")

    code_length: int = Field(strict=True, ge=MIN_CODE_LENGTH, le=MAX_CODE_LENGTH)
    """Bits of a code."""
    kind: Kind
    """Kind of its codes."""
    modalities: dict[str, Modality]
    """Each kind of input that it reads, by its name."""
    fingerprint: str
    """Of the hasher that was written."""
    provenance: dict[str, Any]
    """Method, configuration and figures of its making."""
