"""Items as centred rows, labels that fit them, and a projection matrix as a hasher, for all classical hashes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hashcore.codes import check_code_length
from hashcore.errors import InvalidInputError
from hashcore.hasher import Hasher, Modality
from hashcore.inputs.column import of_shape
from hashcore.labels import Labels
from hashcore.networks.spec import Linear, NetworkSpec, Preprocessing
from hashcore.supervision.shared_labels import supervise

PREPROCESSING = Preprocessing(center=True, unit_variance=False)
LINEAR = Linear()


def center(items: NDArray[Any], code_length: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return items as rows of mean zero, shape (n, d), and the mean that was subtracted, of the shape of an item.

    Raises:
        InvalidInputError: If there are no items, one is not finite, or the code length is not supported.
    """
    check_code_length(code_length)
    values = np.asarray(items, np.float64)
    if of_shape(values.shape[1:]) is None or values.size == 0:
        raise InvalidInputError(
            f"items have shape {values.shape}; give (n, dimensions) features or (n, channels, height, width) pixels"
        )
    if not np.isfinite(values).all():
        raise InvalidInputError("items hold NaN or infinite values; leave those rows out, as read_column does")
    mean = values.mean(axis=0)
    return (values - mean).reshape(len(values), -1), mean


def check_labels(labels: Labels, rows: int) -> Labels:
    """Return the labels if they are of n rows, `rows` of them, some alike and some unlike.

    Raises:
        InvalidInputError: If not.
    """
    if len(labels) != rows:
        raise InvalidInputError(f"{len(labels)} rows of labels but {rows} items; give one list of labels an item")
    supervise(labels)
    return labels


def two_views(views: Mapping[str, NDArray[Any]]) -> tuple[str, str]:
    """Return the names of two modalities that show the same things: arrays of shape (n, …), row i of both is one thing.

    Raises:
        InvalidInputError: If there are not two, or their rows differ in number.
    """
    if len(views) != 2:
        raise InvalidInputError(f"views are {', '.join(views) or 'none'}; give two modalities")
    first, second = views
    if len(views[first]) != len(views[second]):
        raise InvalidInputError(
            f"{first} has {len(views[first])} rows but {second} {len(views[second])}; row i of both is one thing"
        )
    return first, second


def as_hasher(
    mean: NDArray[np.float64],
    matrix: NDArray[np.float64],
    modality: str | None,
    provenance: dict[str, Any],
    *,
    bias: NDArray[np.float64] | None = None,
    network: NetworkSpec = LINEAR,
) -> Hasher:
    """Return the hasher of sign(W (x − mean) + v).

    Args:
        mean: Of the training items, of the shape of one.
        matrix: W, shape (code_length, d).
        modality: Name of what it reads; None names it `features` or `image`, by the shape of an item.
        provenance: Method and settings that made W.
        bias: v, shape (code_length,); zeros unless given.
        network: Function of W (x − mean) + v: `Cosine` takes its cosine.
    """
    described = of_shape(mean.shape)
    if described is None:
        raise InvalidInputError(f"items have shape {mean.shape}, which no kind of input has")
    spec = Modality(input=described, preprocessing=PREPROCESSING, network=network)
    module, code_length = spec.module(len(matrix)), len(matrix)
    weights = {
        "0.mean": torch.from_numpy(mean).float(),
        "0.scale": torch.ones(()),
        "1.1.weight": torch.from_numpy(matrix.copy()).float(),
        "1.1.bias": torch.from_numpy(np.zeros(code_length) if bias is None else bias).float(),
    }
    module.load_state_dict(weights)
    name = modality or described.kind
    return Hasher(code_length, {name: spec}, {name: module}, provenance=provenance)


def join(first: Hasher, second: Hasher) -> Hasher:
    """Return the hasher of both modalities of two hashers; the provenance is that of the first."""
    return Hasher(
        first.code_length,
        {**first.modalities, **second.modalities},
        {**first.modules, **second.modules},
        provenance=first.provenance,
    )
