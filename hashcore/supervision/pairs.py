"""Pairs of rows, judged or drawn from labels: similar ones and dissimilar ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import InvalidInputError
from hashcore.labels import Labels
from hashcore.supervision.batch import Batch, Rows, are_within, relate, unknown
from hashcore.supervision.shared_labels import SharedLabels, draw_positives, supervise

PAIRS_PER_ROW = 20


@dataclass(frozen=True)
class JudgedPairs:
    """p pairs of rows.

    Attributes:
        left: int64, shape (p,); row number of one.
        right: int64, shape (p,); row number of the other.
        similar: bool, shape (p,).
    """

    left: Rows
    right: Rows
    similar: NDArray[np.bool_]

    def __post_init__(self) -> None:
        for kind, wanted in (("similar", True), ("dissimilar", False)):
            if not (self.similar == wanted).any():
                raise InvalidInputError(f"none of the {len(self)} pairs is {kind}; give pairs of both kinds")

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.left)

    def fits(self, rows: int) -> bool:
        """Return whether all pairs are of rows below a number."""
        return are_within(rows, self.left, self.right)

    def signs(self) -> NDArray[np.float64]:
        """Return ℓ, float64 of shape (p,): +1 for a similar pair, −1 for another."""
        return np.where(self.similar, 1.0, -1.0)

    def take(self, which: Rows) -> JudgedPairs:
        """Return the pairs whose numbers `which` has, shape (k,), in its order."""
        return JudgedPairs(self.left[which], self.right[which], self.similar[which])

    def batches(self, batch_size: int, generator: np.random.Generator) -> Iterator[Batch]:
        """Yield batches of `batch_size // 2` pairs, half of them similar; the rarer kind is repeated."""
        half = batch_size // 2
        count = max(1, len(self) // half)
        kinds = [np.flatnonzero(self.similar), np.flatnonzero(~self.similar)]
        sizes = [half // 2, half - half // 2]
        orders = [
            np.resize(generator.permutation(kind), (count, size)) for kind, size in zip(kinds, sizes, strict=True)
        ]
        for chosen in np.concatenate(orders, axis=1):
            yield self._batch(chosen)

    def _batch(self, chosen: Rows) -> Batch:
        """Return a batch of pairs, first all left members, then the right ones."""
        similarity, place = unknown(2 * len(chosen)), np.arange(len(chosen))
        relate(similarity, place, place + len(chosen), np.where(self.similar[chosen], 1, -1))
        none = np.empty(0, np.int64)
        rows = np.concatenate([self.left[chosen], self.right[chosen]])
        return Batch(rows, none, none, none, similarity, len(chosen))


def draw_pairs(labels: Labels, count: int, seed: int) -> JudgedPairs:
    """Draw `count` similar pairs of n labelled rows and as many dissimilar ones at random, each with repetition.

    Of few rows fewer are drawn, 20 of each kind a row: more would hardly be new.

    Raises:
        InvalidInputError: If no two rows share a label, or all do.
    """
    shared, generator = supervise(labels), np.random.default_rng(seed)
    count = min(count, PAIRS_PER_ROW * len(labels))
    anchors = generator.choice(shared.anchors, count)
    positives = draw_positives(shared, anchors, generator)
    first, second = _draw_unrelated(shared, count, generator)
    similar = np.arange(2 * count) < count
    return JudgedPairs(np.concatenate([anchors, first]), np.concatenate([positives, second]), similar)


def _draw_unrelated(shared: SharedLabels, count: int, generator: np.random.Generator) -> tuple[Rows, Rows]:
    """Draw pairs of labelled rows until `count` of them share no label; some exist, as `supervise` made sure."""
    labelled = np.unique(shared.labels.row_numbers())
    found = np.empty((2, 0), np.int64)
    while found.shape[1] < count:
        drawn = generator.choice(labelled, (2, 2 * count))
        found = np.concatenate([found, drawn[:, ~_share_label(shared.labels, *drawn)]], axis=1)
    return found[0, :count], found[1, :count]


def _share_label(labels: Labels, first: Rows, second: Rows) -> NDArray[np.bool_]:
    """Return for each pair whether its rows are the same or share a label, bool of shape (p,)."""
    vocabulary = labels.vocabulary()
    masks = labels.to_masks(vocabulary)
    shared: NDArray[np.bool_] = np.any(masks[first] & masks[second], axis=1)
    return shared
