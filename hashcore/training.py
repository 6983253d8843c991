"""Training a hasher in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hashcore.errors import InvalidInputError
from hashcore.hasher import Hasher
from hashcore.inputs import FeatureInput, ImageInput, InputSpec
from hashcore.relevance import Labels
from hashcore.training_config import TrainingConfig
from hashcore.training_data import Window, Windows
from hashcore.training_loop import Hooks, ignore, train
from hashcore.training_state import Standing, read_module, save
from hashcore.training_step import Learner


def fit(
    items: NDArray[Any],
    labels: Labels,
    config: TrainingConfig,
    *,
    modality: str | None = None,
    checkpoints: str | None = None,
    on_batch: Callable[[int], None] = ignore,
) -> Hasher:
    """Train a hasher on labelled items in this process.

    Args:
        items: Shape (n, d) float features, or (n, channels, height, width) uint8 pixels.
        labels: Of the n items; a row without labels is unrelated to all others.
        config: How to train.
        modality: Name of what the hasher reads; None names it `features` or `image`.
        checkpoints: Folder that keeps the state after each epoch; a training that was interrupted goes on from there,
            and gives the same weights as an undisturbed one. None keeps none.
        on_batch: Called after each batch with the number of its anchors.

    Returns:
        The hasher; its provenance holds the configuration and the history of figures.

    Raises:
        InvalidInputError: If items and labels do not fit, or no triplets can be drawn from the labels.
        ConfigError: If `checkpoints` holds the state of another training.
    """
    described = describe(items, labels)
    window = Window(torch.from_numpy(np.ascontiguousarray(items)), labels, config.validation_share, config.seed)

    def keep(learner: Learner, standing: Standing) -> None:
        if checkpoints is not None:
            save(checkpoints, learner, standing)

    learner, standing = train(
        Standing(config=config, input=described),
        Windows(lambda: iter([window])),
        rows=len(items),
        hooks=Hooks(on_batch, keep),
        checkpoints=checkpoints,
    )
    return as_hasher(learner.module, standing, modality, len(items))


def describe(items: NDArray[Any], labels: Labels) -> InputSpec:
    """Return what items are, by the shape of their array.

    Raises:
        InvalidInputError: If they are neither features nor pixels, or their labels are of other rows.
    """
    if len(items) != len(labels):
        raise InvalidInputError(f"{len(items)} items but labels of {len(labels)} rows; give each item its own")
    if items.ndim == 2 and items.dtype.kind == "f":
        if not np.isfinite(items).all():
            raise InvalidInputError("items hold NaN or infinite values; leave those rows out, as read_column does")
        return FeatureInput(dimensions=items.shape[1])
    if items.ndim == 4 and items.dtype == np.uint8 and items.shape[1] in (1, 3):
        _, channels, height, width = items.shape
        return ImageInput.model_validate({"channels": channels, "height": height, "width": width})
    raise InvalidInputError(
        f"items are {items.dtype} of shape {items.shape}; give float features (n, dimensions) or uint8 pixels "
        "(n, channels, height, width) with 1 or 3 channels"
    )


def finished(folder: str, modality: str | None, rows: int) -> Hasher:
    """Return the hasher whose training, of a number of rows, left its state in a folder.

    Raises:
        InvalidInputError: If there is none, or its file is damaged.
    """
    standing, module = read_module(folder)
    return as_hasher(module, standing, modality, rows)


def as_hasher(module: nn.Sequential, standing: Standing, modality: str | None, rows: int) -> Hasher:
    """Return the hasher that a training made of a number of rows."""
    config = standing.config
    name = modality or ("features" if isinstance(standing.input, FeatureInput) else "image")
    provenance = {
        "method": "network",
        "rows": rows,
        "training": config.model_dump(mode="json"),
        "history": [epoch.model_dump(mode="json") for epoch in standing.history],
        "versions": {"torch": str(torch.__version__), "numpy": np.__version__},
    }
    return Hasher(config.code_length, {name: standing.modality()}, {name: module}, provenance=provenance)
