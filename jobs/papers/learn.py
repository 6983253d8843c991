"""Learning a row's codes, in this process: a network, a classical hash of one view, or one of two views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import ConfigError
from hashcore.training_config import TrainingConfig

if TYPE_CHECKING:
    from hashcore.hasher import Hasher
    from jobs.papers.data import Items
    from jobs.papers.row import Learning


def learn(config: Learning, items: Items) -> Hasher:
    """Return the hasher that the training rows of the items give.

    Raises:
        ConfigError: If the method does not fit the number of views.
        InvalidInputError: If nothing can be learned from the items.
    """
    from hashcore.classical import cca, choice, cm_ssh
    from hashcore.training import fit

    rows = items.split.train
    views: dict[str, NDArray[Any]] = {name: np.ascontiguousarray(view[rows]) for name, view in items.views.items()}
    labels = items.labels(rows)
    method = config.method
    if method == "raw":
        raise ConfigError("learn.method=raw: raw items have no hasher")
    if method == "cca":
        return cca.fit(views, config.code_length, seed=config.seed)
    if method == "cm-ssh":
        return cm_ssh.fit(views, config.code_length, labels, seed=config.seed)
    if method == "network":
        training = TrainingConfig.model_validate(config.model_dump(include=set(TrainingConfig.model_fields)))
        return fit(views, labels, training)
    name, view = _only(views)
    return choice.fit(method, view, labels, config.code_length, seed=config.seed, modality=name)


def _only(views: dict[str, NDArray[Any]]) -> tuple[str, NDArray[Any]]:
    """Return the one view there is."""
    if len(views) != 1:
        raise ConfigError(f"data.views={', '.join(views)}: this method learns from one view")
    return next(iter(views.items()))
