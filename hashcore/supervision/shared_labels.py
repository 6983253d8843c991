"""Rows that share a label, arranged for drawing batches: anchors, a positive of each, and unrelated rows beside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import check_places, check_whole, offsets_of
from hashcore.errors import InvalidInputError
from hashcore.labels import Labels, check_labels
from hashcore.supervision.batch import Batch, Rows


@dataclass(frozen=True)
class SharedLabels:
    """Rows by the labels that they share, arranged for drawing.

    An *entry* is a pair of a row and one of its labels; entries are ordered by row, and *grouped* by label.

    Attributes:
        labels: Labels of the rows, no repetitions.
        anchors: Rows that share a label with another, ascending.
        entry_offsets: entry_offsets[i]:entry_offsets[i + 1] are the entries of row i whose label has another row.
        entry_labels: The label of each entry.
        entry_ranks: The place of each entry's row within its label's group.
        group_offsets: group_offsets[l]:group_offsets[l + 1] are the rows of label l in `grouped`.
        grouped: Rows by label.
    """

    labels: Labels
    anchors: Rows
    entry_offsets: Rows
    entry_labels: Rows
    entry_ranks: Rows
    group_offsets: Rows
    grouped: Rows

    def batches(self, batch_size: int, generator: np.random.Generator) -> Iterator[Batch]:
        """Yield the batches of one epoch, in which every anchor comes once, up to a remainder.

        The number of batches depends on the number of rows alone, so that workers with equally many rows keep in step.

        Args:
            batch_size: Rows of a batch: half of them anchors, the other half drawn to go with them.
            generator: Decides order and draws.
        """
        half = check_whole(batch_size, "batch_size", 2) // 2
        count = max(1, len(self.labels) // half)
        order = np.resize(generator.permutation(self.anchors), (count, half))
        for anchors in order:
            yield _batch(self.labels, anchors, draw_positives(self, anchors, generator), generator)


def supervise(labels: Labels) -> SharedLabels:
    """Arrange the labels of n rows for drawing.

    Element i of every array that is by row belongs to row i, and a row without labels has no entry.

    Raises:
        InvalidInputError: If no row has a label, no two rows share one, or all share the same.
    """
    labels = check_labels(labels)
    if labels.values.size == 0:
        raise InvalidInputError("no row has a label; a ranking is learned from labels, or use a method that needs none")
    vocabulary, numbers = np.unique(labels.values, return_inverse=True)
    pairs = np.unique(np.stack([labels.row_numbers(), numbers], axis=1), axis=0)  # by row, no repetitions
    rows, numbers = pairs[:, 0], pairs[:, 1]
    sizes = np.bincount(numbers, minlength=len(vocabulary))
    _check(sizes, np.unique(rows).size, vocabulary)
    order = np.argsort(numbers, kind="stable")
    group_offsets = offsets_of(sizes)
    ranks = np.empty(len(rows), np.int64)
    ranks[order] = np.arange(len(rows)) - group_offsets[numbers[order]]
    shared = sizes[numbers] > 1
    return SharedLabels(
        labels=Labels(offsets_of(np.bincount(rows, minlength=len(labels))), vocabulary[numbers]),
        anchors=np.unique(rows[shared]),
        entry_offsets=offsets_of(np.bincount(rows[shared], minlength=len(labels))),
        entry_labels=numbers[shared],
        entry_ranks=ranks[shared],
        group_offsets=group_offsets,
        grouped=rows[order],
    )


def _check(sizes: Rows, labelled_rows: int, vocabulary: NDArray[np.int32]) -> None:
    """Raise InvalidInputError where no triplet exists; `sizes` are the rows of each label."""
    if (sizes == labelled_rows).any():
        label = vocabulary[sizes.argmax()]
        raise InvalidInputError(
            f"all {labelled_rows} labelled rows share label {label}; a ranking needs unrelated rows, so give at least "
            "two classes"
        )
    if sizes.max() < 2:
        raise InvalidInputError(
            f"none of the {len(sizes)} labels is shared by two rows, so no pair is similar; give several rows per label"
        )


def draw_positives(shared: SharedLabels, anchors: Rows, generator: np.random.Generator) -> Rows:
    """Draw for each anchor one of its shared labels, then another row of that label; each with equal chances.

    Args:
        shared: Labels arranged for drawing.
        anchors: Row numbers, int64, shape (t,), each of `shared.anchors`.
        generator: Decides the draws.

    Returns:
        Row number of the positive of each anchor, int64, shape (t,).
    """
    anchors = check_places(anchors, "anchors", len(shared.labels))
    starts = shared.entry_offsets[anchors]
    alone = anchors[shared.entry_offsets[anchors + 1] == starts]
    if len(alone):
        raise InvalidInputError(f"anchors: row {alone[0]} shares no label with another; take some of `anchors`")
    entries = generator.integers(starts, shared.entry_offsets[anchors + 1])
    first = shared.group_offsets[shared.entry_labels[entries]]
    size = shared.group_offsets[shared.entry_labels[entries] + 1] - first
    places = generator.integers(0, size - 1)
    places += places >= shared.entry_ranks[entries]  # skip the anchor itself
    positives: Rows = shared.grouped[first + places]
    return positives


def _batch(labels: Labels, anchors: Rows, positives: Rows, generator: np.random.Generator) -> Batch:
    """Join anchors and positives; each is the other's positive."""
    rows = np.concatenate([anchors, positives])
    positions = np.arange(len(rows), dtype=np.int64)
    related = share_label(labels, rows)
    chances = np.where(related, -1.0, generator.random(related.shape))
    negatives = np.where(chances.max(axis=1) >= 0, chances.argmax(axis=1), -1)
    similarity = np.where(related, 1, -1).astype(np.int8)
    partners = np.roll(positions, len(anchors))
    return Batch(rows, positions, partners, negatives, similarity, len(anchors), labels.take(rows))


def share_label(labels: Labels, rows: Rows) -> NDArray[np.bool_]:
    """Return whether rows i and j share a label, bool of shape (b, b); a row is always related to itself."""
    taken = labels.take(rows)
    _, numbers = np.unique(taken.values, return_inverse=True)
    members = np.zeros((len(rows), numbers.max(initial=-1) + 1), np.float32)
    members[taken.row_numbers(), numbers] = 1
    related: NDArray[np.bool_] = members @ members.T > 0
    np.fill_diagonal(related, True)
    return related
