"""Learning a row's codes, in this process: a network or a classical hash, of one view or of several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import ConfigError

if TYPE_CHECKING:
    from hashcore.hasher import Hasher
    from jobs.research.papers.data import Items
    from jobs.research.papers.row import Learning


def learn(config: Learning, items: Items, device: str = "cpu") -> Hasher:
    """Return the hasher that the training rows of the items give.

    Args:
        config: How to learn.
        items: All items.
        device: Where a network is trained.

    Raises:
        ConfigError: If a network is configured for other views, or torch cannot compute on the device.
        InvalidInputError: If the method fits another number of views, or nothing can be learned from the items.
    """
    from hashcore.classical import by_name
    from hashcore.training import fit

    rows = items.split.train
    views: dict[str, NDArray[Any]] = {name: np.ascontiguousarray(view[rows]) for name, view in items.views.items()}
    labels = items.labels(rows)
    if config.method == "raw":
        raise ConfigError("learn.method=raw: raw items have no hasher")
    if config.method == "network":
        return fit(views, labels, config.training(), device=device)
    return by_name.fit(config.method, views, config.code_length, labels, seed=config.seed)
