"""Training a hasher in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hashcore.errors import ConfigError, InvalidInputError
from hashcore.hasher import Hasher
from hashcore.inputs.column import InputSpec, of_shape
from hashcore.labels import Labels
from hashcore.machine.devices import check_device, describe_device
from hashcore.supervision.judgements import Supervision
from hashcore.training.checkpoint import Epoch, TrainingState, read_networks, save
from hashcore.training.config import TrainingConfig
from hashcore.training.data import Window, Windows
from hashcore.training.loop import Hooks, do_nothing, train
from hashcore.training.modality_networks import ModalityNetworks
from hashcore.training.step import Learner
from hashcore.training.workers import Workers


def fit(
    items: NDArray[Any] | Mapping[str, NDArray[Any]],
    supervision: Supervision,
    config: TrainingConfig,
    *,
    modality: str | None = None,
    checkpoints: str | None = None,
    device: str = "cpu",
    on_batch: Callable[[int], None] = do_nothing,
    on_epoch: Callable[[Epoch], None] = do_nothing,
) -> Hasher:
    """Train a hasher in this process, on items and who is similar to whom among them.

    Args:
        items: Shape (n, d) float features, or (n, channels, height, width) uint8 pixels; of several modalities a
            mapping from the names in `config.modalities` to arrays of the same n rows.
        supervision: Labels of the n items, where a row without labels is unrelated to all others; or judged pairs or
            triplets of row numbers.
        config: Of the training.
        modality: Name of what the hasher reads, if that is a single modality; None names it `features` or `image`.
        checkpoints: Folder that keeps the state after each epoch; a training that was interrupted goes on from there,
            and gives the same weights as an undisturbed one. None keeps none.
        device: Device of the networks, such as "cuda"; the hasher that is returned is on the CPU. A GPU adds up in
            an order of its own, so that a training there is not repeated to the last bit.
        on_batch: Called after each batch with the number of its anchors, or judgements.
        on_epoch: Called after each epoch with its figures.

    Returns:
        The hasher; its provenance holds the configuration, the history of figures, and the device.

    Raises:
        InvalidInputError: If items and supervision do not fit, or nothing can be learned from it.
        ConfigError: If `checkpoints` holds the state of another training, items lack a modality, torch cannot compute
            on the device, or the steps are so large that the loss is no longer a number.

    >>> items = np.random.default_rng(0).standard_normal((64, 5)).astype(np.float32)
    >>> labels = Labels.from_lists([[int(row[0] > 0)] for row in items])
    >>> hasher = fit(items, labels, TrainingConfig(code_length=8, epochs=1, batch_size=16))
    >>> hasher.encode(items, "features").shape
    (64, 1)
    """
    place = check_device(device)
    arrays = _by_modality(items, modality, config)
    inputs = {name: describe(array, supervision) for name, array in arrays.items()}
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
    window = Window(tensors, supervision, config.validation_share, config.seed)

    def keep(learner: Learner, state: TrainingState) -> None:
        if checkpoints is not None:
            save(checkpoints, learner, state)
        on_epoch(state.history[-1])

    learner, state = train(
        TrainingState(config=config, inputs=inputs),
        Windows(lambda: iter([window])),
        anchors=len(supervision),
        workers=Workers(device=place),
        hooks=Hooks(on_batch, keep),
        checkpoints=checkpoints,
    )
    hasher = as_hasher(state.shown(learner.best or learner.module.state_dict()), state, len(window))
    return replace(hasher, provenance={**hasher.provenance, "device": describe_device(place)})


def _by_modality(
    items: NDArray[Any] | Mapping[str, NDArray[Any]], modality: str | None, config: TrainingConfig
) -> dict[str, NDArray[Any]]:
    """Return items by modality, in the order of the configuration.

    Raises:
        ConfigError: If other modalities are configured than there are items of.
    """
    if not isinstance(items, Mapping):
        found = of_shape(items.shape[1:])
        items = {modality or (found.kind if found else "items"): items}
    if len(items) > 1 or config.modalities:
        if items.keys() != config.modalities.keys():
            given, wanted = (", ".join(names) or "none" for names in (items, config.modalities))
            raise ConfigError(f"items are of the modalities {given} but configured are {wanted}; name the same")
        return {name: items[name] for name in config.modalities}
    return dict(items)


def describe(items: NDArray[Any], supervision: Supervision) -> InputSpec:
    """Describe items by the shape of their array.

    Raises:
        InvalidInputError: If they are neither features nor pixels, or their labels are of other rows.
    """
    if isinstance(supervision, Labels) and len(items) != len(supervision):
        raise InvalidInputError(f"{len(items)} items but labels of {len(supervision)} rows; give each item its own")
    if not isinstance(supervision, Labels) and not supervision.fits(len(items)):
        raise InvalidInputError(f"judgements name rows beyond the {len(items)} items; number rows from 0")
    found = of_shape(items.shape[1:])
    if found is None or not found.takes(items.dtype):
        raise InvalidInputError(
            f"items are {items.dtype} of shape {items.shape}; give float features (n, dimensions) or uint8 pixels "
            "(n, channels, height, width) with 1 or 3 channels"
        )
    if items.dtype.kind == "f" and not np.isfinite(items).all():
        raise InvalidInputError("items hold NaN or infinite values; leave those rows out, as read_column does")
    return found


def finished(folder: str, wanted: TrainingState, rows: int) -> Hasher:
    """Return the hasher whose training, which was `wanted` of a number of rows, left its state in a folder.

    Raises:
        ConfigError: If the state is of another training.
        InvalidInputError: If there is none, or its file is damaged.
    """
    state, networks = read_networks(folder, wanted)
    return as_hasher(networks, state, rows)


def as_hasher(networks: ModalityNetworks, state: TrainingState, rows: int) -> Hasher:
    """Return the hasher that a training made of a number of rows."""
    config = state.config
    provenance = {
        "method": "network",
        "rows": rows,
        "training": config.model_dump(mode="json"),
        "history": [epoch.model_dump(mode="json") for epoch in state.history],
        "versions": {"torch": str(torch.__version__), "numpy": np.__version__},
    }
    return Hasher(config.code_length, state.modalities(), networks.by_name(), config.kind, provenance)
