"""A batch: rows to train on together, and who is similar to whom among them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hashcore.labels import Labels

Rows = NDArray[np.int64]


class Batch(NamedTuple):
    """Rows to train on together, and who is similar to whom by their positions in the batch.

    Attributes:
        rows: int64, shape (b,); row numbers of the items.
        anchors: int64, shape (t,); position of x of each triplet.
        positives: int64, shape (t,); position of x⁺.
        negatives: int64, shape (t,); position of a dissimilar row drawn at random, or −1 where the batch has none.
        similarity: int8, shape (b, b); 1 where two rows are similar, −1 dissimilar, 0 unknown; 1 on the diagonal.
        taken: Anchors, pairs or triplets that this batch takes of those that an epoch goes through.
        labels: Of the rows, where similarity comes from labels.
    """

    rows: Rows
    anchors: Rows
    positives: Rows
    negatives: Rows
    similarity: NDArray[np.int8]
    taken: int
    labels: Labels | None = None


class Sampler(Protocol):
    """Supervision arranged for drawing batches: shared labels, pairs or triplets."""

    def batches(self, batch_size: int, generator: np.random.Generator) -> Iterator[Batch]:
        """Yield the batches of one epoch, of about `batch_size` rows each."""


def are_within(rows: int, *members: Rows) -> bool:
    """Return whether all row numbers, each int64 of shape (n,), are from 0 to below `rows`."""
    return all(bool(((member >= 0) & (member < rows)).all()) for member in members)


def unknown(rows: int) -> NDArray[np.int8]:
    """Return the identity: int8, shape (rows, rows), 1 on the diagonal, 0 (unknown) elsewhere."""
    return np.eye(rows, dtype=np.int8)


def relate(similarity: NDArray[np.int8], left: Rows, right: Rows, kind: NDArray[np.floating]) -> None:
    """Enter pairs both ways: kind[i] at (left[i], right[i]) and (right[i], left[i]) of `similarity`, shape (b, b)."""
    similarity[left, right] = similarity[right, left] = kind
