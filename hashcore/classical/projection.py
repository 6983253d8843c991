"""What the classical hashes share: items as centred rows, and a projection matrix as a hasher."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hashcore.codes import check_code_length
from hashcore.errors import InvalidInputError
from hashcore.hasher import Hasher, Modality
from hashcore.inputs import FeatureInput, ImageInput
from hashcore.networks.spec import Linear, Preprocessing

PREPROCESSING = Preprocessing(center=True, unit_variance=False)


def center(items: NDArray[Any], code_length: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return items as rows of mean zero, shape (n, d), and the mean that was subtracted, of the shape of an item.

    Raises:
        InvalidInputError: If there are no items, one is not finite, or the code length is not supported.
    """
    check_code_length(code_length)
    values = np.asarray(items, np.float64)
    if values.ndim not in (2, 4) or values.size == 0:
        raise InvalidInputError(
            f"items have shape {values.shape}; give (n, dimensions) features or (n, channels, height, width) pixels"
        )
    if not np.isfinite(values).all():
        raise InvalidInputError("items hold NaN or infinite values; leave those rows out, as read_column does")
    mean = values.mean(axis=0)
    return (values - mean).reshape(len(values), -1), mean


def as_hasher(
    mean: NDArray[np.float64], matrix: NDArray[np.float64], modality: str | None, provenance: dict[str, Any]
) -> Hasher:
    """Return the hasher of sign(W (x − mean)).

    Args:
        mean: Of the training items, of the shape of one.
        matrix: W, shape (code_length, d).
        modality: Name of what it reads; None names it `features` or `image`, by the shape of an item.
        provenance: How W was made.
    """
    features = mean.ndim == 1
    described = FeatureInput(dimensions=len(mean)) if features else _image(mean.shape)
    spec = Modality(input=described, preprocessing=PREPROCESSING, network=Linear())
    module, code_length = spec.module(len(matrix)), len(matrix)
    weights = {
        "0.mean": torch.from_numpy(mean).float(),
        "0.scale": torch.ones(()),
        "1.1.weight": torch.from_numpy(matrix).float(),
        "1.1.bias": torch.zeros(code_length),
    }
    module.load_state_dict(weights)
    name = modality or ("features" if features else "image")
    return Hasher(code_length, {name: spec}, {name: module}, provenance=provenance)


def _image(shape: tuple[int, ...]) -> ImageInput:
    """Describe images of shape (channels, height, width)."""
    channels, height, width = shape
    return ImageInput.model_validate({"channels": channels, "height": height, "width": width})
