"""Triplets of rows, judged: an anchor is more similar to its positive than to its negative."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hashcore.supervision.batch import Batch, Rows, are_within, relate, unknown


@dataclass(frozen=True)
class JudgedTriplets:
    """t triplets of rows: the anchor is more similar to the positive than to the negative, each of shape (t,)."""

    anchors: Rows
    positives: Rows
    negatives: Rows

    def __len__(self) -> int:
        """Return the number of triplets."""
        return len(self.anchors)

    def fits(self, rows: int) -> bool:
        """Return whether all triplets are of rows below a number."""
        return are_within(rows, self.anchors, self.positives, self.negatives)

    def take(self, which: Rows) -> JudgedTriplets:
        """Return the triplets whose numbers `which` has, shape (k,), in its order."""
        return JudgedTriplets(self.anchors[which], self.positives[which], self.negatives[which])

    def batches(self, batch_size: int, generator: np.random.Generator) -> Iterator[Batch]:
        """Yield batches of `batch_size // 3` triplets; every triplet comes once, up to a remainder."""
        size = max(1, batch_size // 3)
        for chosen in np.resize(generator.permutation(len(self)), (max(1, len(self) // size), size)):
            place = np.arange(size)
            similarity = unknown(3 * size)
            relate(similarity, place, place + size, np.ones(size))
            relate(similarity, place, place + 2 * size, -np.ones(size))
            rows = np.concatenate([self.anchors[chosen], self.positives[chosen], self.negatives[chosen]])
            yield Batch(rows, place, place + size, place + 2 * size, similarity, size)
