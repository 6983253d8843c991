"""Pairs of rows that share a label, and pairs that do not: what DiffHash, SSH and CM-SSH learn from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcore.labels import Labels
from hashcore.supervision.sampling import Rows, SharedLabels, draw_positives, supervise

PAIRS_PER_ROW = 20


class Pairs(NamedTuple):
    """Pairs of rows.

    Attributes:
        first: Row numbers, int64, shape (p,).
        second: Row numbers of the other end.
        similar: Whether the two share a label, bool, shape (p,).
    """

    first: Rows
    second: Rows
    similar: NDArray[np.bool_]

    def signs(self) -> NDArray[np.float64]:
        """Return ℓ: +1 for a similar pair, −1 for another."""
        return np.where(self.similar, 1.0, -1.0)


def draw(labels: Labels, count: int, seed: int) -> Pairs:
    """Draw `count` similar pairs and as many dissimilar ones at random, each with repetition.

    Of few rows fewer are drawn, 20 of each kind for every row: more would hardly be new.

    Raises:
        InvalidInputError: If no two rows share a label, or all do.
    """
    supervision, generator = supervise(labels), np.random.default_rng(seed)
    count = min(count, PAIRS_PER_ROW * len(labels))
    anchors = generator.choice(supervision.anchors, count)
    positives = draw_positives(supervision, anchors, generator)
    first, second = _draw_unrelated(supervision, count, generator)
    similar = np.arange(2 * count) < count
    return Pairs(np.concatenate([anchors, first]), np.concatenate([positives, second]), similar)


def _draw_unrelated(supervision: SharedLabels, count: int, generator: np.random.Generator) -> tuple[Rows, Rows]:
    """Draw pairs of labelled rows until `count` of them share no label; some exist, as `supervise` made sure."""
    labelled = np.unique(supervision.labels.row_numbers())
    found = np.empty((2, 0), np.int64)
    while found.shape[1] < count:
        drawn = generator.choice(labelled, (2, 2 * count))
        found = np.concatenate([found, drawn[:, ~_share_label(supervision.labels, *drawn)]], axis=1)
    return found[0, :count], found[1, :count]


def _share_label(labels: Labels, first: Rows, second: Rows) -> NDArray[np.bool_]:
    """Return for each pair whether its rows are the same or share a label, bool of shape (p,)."""
    vocabulary = labels.vocabulary()
    masks = labels.to_masks(vocabulary)
    shared: NDArray[np.bool_] = np.any(masks[first] & masks[second], axis=1)
    return shared
