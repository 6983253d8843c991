"""A trained model that turns inputs into codes, and its directory on disk: hasher.json and weights.safetensors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hashcore import hasher_files
from hashcore.codes import Codes, Kind, check_code_length, check_kind, code_bytes
from hashcore.errors import InvalidInputError
from hashcore.inputs import InputSpec
from hashcore.networks.choice import build
from hashcore.networks.preprocessing import Preprocess
from hashcore.networks.spec import NetworkSpec, Preprocessing
from hashcore.quantization import certainty, outputs, pack_projections
from hashcore.spec import Spec

PASS_ROWS = 512  # the maps of a convolution take 400 KB an image and layer
DOUBTFUL = 1e-4  # share of a row's typical projection below which float32 may get the sign wrong


class Modality(Spec):
    """How one kind of input becomes projections."""

    input: InputSpec
    """What an item is."""
    preprocessing: Preprocessing
    """What is done to it before the network."""
    network: NetworkSpec
    """The network that projects it."""

    def module(self, code_length: int, kind: Kind = "dense") -> nn.Sequential:
        """Build preprocessing and network with fresh weights; from (n, *input.shape) to (n, outputs of a code)."""
        shape = self.input.shape
        network = build(self.network, shape, outputs(code_length, kind))
        return nn.Sequential(Preprocess(self.preprocessing, shape), network)


@dataclass(frozen=True)
class Hasher:
    """Projections f(x) of one or several kinds of input, and their codes: sign f(x), or the nearest of −1, 0, +1.

    Attributes:
        code_length: Bits of a code.
        modalities: How each kind of input is read, by its name.
        modules: Preprocessing and network of each, by the same names.
        kind: What its codes are.
        provenance: How it was made: configuration, figures, versions. Not part of the fingerprint.
    """

    code_length: int
    modalities: Mapping[str, Modality]
    modules: Mapping[str, nn.Sequential]
    kind: Kind = "dense"
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_code_length(self.code_length)
        for module in self.modules.values():
            module.eval()

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with any weight and with anything else that decides the codes."""
        digest = hashlib.sha256(json.dumps(self._describe(), sort_keys=True).encode())
        for name, weight in sorted(self.weights().items()):
            digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
            digest.update(weight.numpy().tobytes())
        return digest.hexdigest()[:16]

    def weights(self) -> dict[str, Tensor]:
        """Return all weights by name, `<modality>.<layer>…`, on the CPU and C-ordered."""
        return {
            f"{modality}.{name}": weight.detach().cpu().contiguous()
            for modality, module in self.modules.items()
            for name, weight in module.state_dict().items()
        }

    def project(self, inputs: NDArray[Any], modality: str) -> NDArray[np.float32]:
        """Return f(x) of each item, in passes of 512 items.

        Float32 rounds differently with the number of rows, of threads, and on every kind of processor. Rows in which
        a projection is so close to where its bit changes that this could turn it are computed again in float64, so
        codes are the same everywhere.

        Args:
            inputs: Shape (n, *input.shape); float features, or uint8 pixels as (n, channels, height, width).
            modality: Name of their kind.

        Returns:
            float32, shape (n, code_length); of a ternary code half as many.

        Raises:
            InvalidInputError: If the modality is unknown, or the shape or a value does not fit.
        """
        items = self._check(inputs, modality)
        projections = np.empty((len(items), outputs(self.code_length, self.kind)), np.float32)
        for rows, batch in self._passes(items, modality):
            projections[rows] = batch
        return projections

    def encode(self, inputs: NDArray[Any], modality: str) -> Codes:
        """Return the code of each item, uint8 of shape (n, ceil(code_length / 8)); arguments as for `project`."""
        items = self._check(inputs, modality)
        codes = np.empty((len(items), code_bytes(self.code_length)), np.uint8)
        for rows, batch in self._passes(items, modality):
            codes[rows] = pack_projections(torch.from_numpy(batch), self.kind)
        return codes

    def on(self, device: str) -> Hasher:
        """Return the hasher with its networks on a device, such as "cuda"; inputs and codes stay where they are."""
        return replace(self, modules={name: deepcopy(module).to(device) for name, module in self.modules.items()})

    def save(self, uri: str) -> None:
        """Write the hasher's directory: a local path or an object store's URI.

        Raises:
            OutputError: If it cannot be written.
        """
        description = {**self._describe(), "fingerprint": self.fingerprint, "provenance": dict(self.provenance)}
        hasher_files.write(uri, description, self.weights())

    @staticmethod
    def load(uri: str) -> Hasher:
        """Read a hasher's directory.

        Raises:
            InvalidInputError: If there is no hasher.
            UnknownFormatError: If its format is newer than this reader.
            CorruptHasherError: If a file is damaged, or the two do not belong together.
        """
        description, weights = hasher_files.read(uri)
        with hasher_files.damage_named(uri):
            modalities = {name: Modality.model_validate(spec) for name, spec in description["modalities"].items()}
            size, kind = description["code_length"], check_kind(description["kind"])
            modules = {name: spec.module(size, kind) for name, spec in modalities.items()}
            for name, module in modules.items():
                module.load_state_dict(_of_modality(weights, name))
            hasher = Hasher(size, modalities, modules, kind, description["provenance"])
        hasher_files.check_fingerprint(uri, expected=description["fingerprint"], got=hasher.fingerprint)
        return hasher

    def _describe(self) -> dict[str, Any]:
        """Return what decides the codes beside the weights."""
        return {
            "code_length": self.code_length,
            "kind": self.kind,
            "modalities": {name: spec.model_dump(mode="json") for name, spec in self.modalities.items()},
        }

    def _check(self, inputs: NDArray[Any], modality: str) -> NDArray[Any]:
        """Return inputs that the modality can read."""
        if modality not in self.modalities:
            known = ", ".join(sorted(self.modalities))
            raise InvalidInputError(f"modality={modality!r}: this hasher reads {known}; use one of these")
        spec, items = self.modalities[modality].input, np.asarray(inputs)
        if items.shape[1:] != spec.shape or not (np.isrealobj(items) and items.dtype.kind in "fiub"):
            raise InvalidInputError(
                f"inputs are {items.dtype} of shape {items.shape}; {modality} reads numbers of shape (n, "
                f"{', '.join(map(str, spec.shape))})"
            )
        if items.dtype.kind == "f" and not np.isfinite(items).all():
            raise InvalidInputError("inputs hold NaN or infinite values; leave those rows out, as read_column does")
        return items

    def _passes(self, items: NDArray[Any], modality: str) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Yield projections of consecutive slices of items."""
        device = next((weight.device for weight in self.modules[modality].state_dict().values()), torch.device("cpu"))
        for start in range(0, len(items), PASS_ROWS):
            batch = torch.from_numpy(np.require(items[start : start + PASS_ROWS], requirements=["C", "W"])).to(device)
            with torch.inference_mode():
                projections = self.modules[modality](batch)
                sizes = projections.abs().mean(dim=1, keepdim=True)
                doubtful = (certainty(projections, self.kind) <= DOUBTFUL * sizes).any(dim=1)
                projections[doubtful] = self._exact[modality](batch[doubtful]).float()
            yield slice(start, start + len(batch)), projections.cpu().numpy()

    @cached_property
    def _exact(self) -> dict[str, nn.Module]:
        """The modules in float64."""
        return {name: deepcopy(module).double() for name, module in self.modules.items()}


def _of_modality(weights: Mapping[str, Tensor], modality: str) -> dict[str, Tensor]:
    """Return the weights of one modality by the names within its module."""
    prefix = f"{modality}."
    return {name.removeprefix(prefix): weight for name, weight in weights.items() if name.startswith(prefix)}
