"""A trained model that turns inputs into codes, and its directory on disk: hasher.json and weights.safetensors."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hashcore.arguments import as_array
from hashcore.codes import Codes, Kind, check_code_length, code_bytes
from hashcore.errors import InvalidInputError
from hashcore.hashers import directory
from hashcore.hashers.modality import Description, Modality
from hashcore.hashers.quantization import certainty, outputs, pack_projections
from hashcore.machine.devices import check_device, full_float32
from hashcore.networks.own import check_allowed
from hashcore.networks.own_source import check_sources
from hashcore.storage.places import place

__all__ = ["Hasher", "Modality"]

PASS_ROWS = 512  # the maps of a convolution take 400 KB an image and layer
DOUBTFUL = 1e-4  # share of a row's typical projection below which float32 may get the sign wrong


@dataclass(frozen=True)
class Hasher:
    """Projections f(x) of one or several kinds of input, and their codes: sign f(x), or the nearest of −1, 0, +1.

    Attributes:
        code_length: Bits of a code.
        modalities: Each kind of input that it reads, by its name.
        modules: Preprocessing and network of each, by the same names.
        kind: Kind of its codes.
        provenance: Configuration, figures and versions of its making. Not part of the fingerprint.
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

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with any weight and with anything else that decides the codes.

        Computed at the first look, since it reads every weight: a hasher's weights do not change.
        """
        digest = hashlib.sha256(json.dumps(self._describe(), sort_keys=True).encode())
        for name, weight in sorted(self.weights().items()):
            digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
            digest.update(weight.numpy().tobytes())
        return digest.hexdigest()[:16]

    def weights(self) -> dict[str, Tensor]:
        """Return all weights by name, `<modality>.<layer>…`, on the CPU and C-ordered, of any shapes."""
        return {
            f"{modality}.{name}": weight.detach().cpu().contiguous()
            for modality, module in self.modules.items()
            for name, weight in module.state_dict().items()
        }

    def project(self, inputs: NDArray[Any], modality: str) -> NDArray[np.float32]:
        """Return f(x) of each item, in passes of 512 items.

        Rounding differs by batch size, threads and processor. Rows with a projection near its threshold are recomputed
        in float64, so an input has one code everywhere.

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
        """Return the code of each item, uint8 of shape (n, ceil(code_length / 8)); arguments as for `project`.

        >>> from hashcore.classical import lsh
        >>> items = np.random.default_rng(0).standard_normal((3, 5))
        >>> lsh.fit(items, code_length=12).encode(items, "features").shape
        (3, 2)
        """
        items = self._check(inputs, modality)
        codes = np.empty((len(items), code_bytes(self.code_length)), np.uint8)
        for rows, batch in self._passes(items, modality):
            codes[rows] = pack_projections(torch.from_numpy(batch), self.kind)
        return codes

    def on(self, device: str) -> Hasher:
        """Return the hasher with its networks on a device, such as "cuda"; inputs and codes stay where they are.

        Raises:
            ConfigError: If torch cannot compute there.
        """
        place = check_device(device)
        return replace(self, modules={name: deepcopy(module).to(place) for name, module in self.modules.items()})

    def save(self, uri: str | Path) -> None:
        """Write the hasher's directory: a local path or an object store's URI.

        Raises:
            OutputError: If it cannot be written.
        """
        uri = place(uri)
        description = {**self._describe(), "fingerprint": self.fingerprint, "provenance": dict(self.provenance)}
        directory.write(uri, description, self.weights())

    @staticmethod
    def load(uri: str | Path, *, allow: Sequence[str] = ()) -> Hasher:
        """Read a hasher's directory; no code of others is run that is not allowed.

        Args:
            uri: A local path or an object store's URI.
            allow: Modules whose functions may be called where the hasher's network is one of them (`name: own`). A
                package allows its submodules: `("mine",)` allows `mine` and `mine.nets`, but not `mines`.

        Raises:
            InvalidInputError: If there is no hasher, its network is of a module that is not allowed, or the source of
                that module, or of what it imports from beside it, is another than that of the training.
            ConfigError: If its network is of a module that is allowed, and cannot be made.
            UnknownFormatError: If its format is newer than this reader.
            CorruptHasherError: If a file is damaged, or the two do not belong together.
        """
        uri = place(uri)
        content = directory.read_description(uri)
        with directory.damage_named(uri):
            told = Description.model_validate(content)
        for name, modality in told.modalities.items():
            check_allowed(modality.network, allow, uri, name)
            check_sources(modality.sources, uri, name)
        weights = directory.read_weights(uri)
        with directory.damage_named(uri):
            names = sorted(weights)
            modules = {
                name: modality.filled(_of_modality(weights, names, name), told.code_length, told.kind)
                for name, modality in told.modalities.items()
            }
            hasher = Hasher(told.code_length, told.modalities, modules, told.kind, told.provenance)
            got = hasher.fingerprint
        directory.check_fingerprint(uri, expected=told.fingerprint, got=got)
        return hasher

    def _describe(self) -> dict[str, Any]:
        """Return the description that decides the codes beside the weights."""
        return {
            "code_length": self.code_length,
            "kind": self.kind,
            "modalities": {name: spec.described() for name, spec in self.modalities.items()},
        }

    def _check(self, inputs: NDArray[Any], modality: str) -> NDArray[Any]:
        """Return inputs that the modality can read."""
        if modality not in self.modalities:
            known = ", ".join(sorted(self.modalities))
            raise InvalidInputError(f"modality={modality!r}: this hasher reads {known}; use one of these")
        spec = self.modalities[modality].input
        items = as_array(inputs, "inputs")
        if items.shape[1:] != spec.shape or items.dtype.kind not in "fiub":
            raise InvalidInputError(
                f"inputs are {items.dtype} of shape {items.shape}; {modality} reads numbers of shape (n, "
                f"{', '.join(map(str, spec.shape))})"
            )
        if items.dtype.kind != "f":
            return items
        with np.errstate(over="ignore"):  # beyond float32 is infinite, and is refused as such
            narrow = items.astype(np.float32, copy=False)
        bad = np.flatnonzero(~np.isfinite(narrow).all(axis=tuple(range(1, narrow.ndim))))
        if len(bad):
            raise InvalidInputError(
                f"inputs hold NaN or infinite values, or some beyond float32, in {len(bad)} of {len(items)} rows, such "
                f"as row {bad[0]}; leave those rows out, as read_column does"
            )
        return narrow

    def _passes(self, items: NDArray[Any], modality: str) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Yield projections of consecutive slices of items."""
        device = next((weight.device for weight in self.modules[modality].state_dict().values()), torch.device("cpu"))
        for start in range(0, len(items), PASS_ROWS):
            batch = torch.from_numpy(np.require(items[start : start + PASS_ROWS], requirements=["C", "W"])).to(device)
            with torch.inference_mode(), full_float32():
                projections = self.modules[modality](batch)
                sizes = projections.abs().mean(dim=1, keepdim=True)
                doubtful = (certainty(projections, self.kind) <= DOUBTFUL * sizes).any(dim=1)
                projections[doubtful] = self._exact[modality](batch[doubtful]).float()
            yield slice(start, start + len(batch)), projections.cpu().numpy()

    @cached_property
    def _exact(self) -> dict[str, nn.Module]:
        """The modules in float64."""
        return {name: deepcopy(module).double() for name, module in self.modules.items()}


def _of_modality(weights: Mapping[str, Tensor], names: Sequence[str], modality: str) -> dict[str, Tensor]:
    """Return the weights of one modality by the names within its module; `names` are those of all, sorted."""
    prefix = f"{modality}."
    first = bisect_left(names, prefix)
    mine = takewhile(lambda name: name.startswith(prefix), islice(names, first, None))
    return {name.removeprefix(prefix): weights[name] for name in mine}
