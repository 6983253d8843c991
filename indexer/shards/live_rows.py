"""The rows of a shard that are not deleted: what a search hands out and an evaluation counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import CorruptIndexError
from hashcore.labels import Labels
from indexer.shards.id_set import IdSet
from indexer.storage.array_file import Array, ArrayFile
from indexer.structures.base import check_offsets


@dataclass(frozen=True)
class LiveRows:
    """Rows of a shard in its order: by code, then by id.

    Without tombstones these are views of the mapped file. With them they are copied when the shard is opened, so that
    no search pays for them; a code that lost all its rows stays, and is carried by none.

    Offsets of a large file are believed only after a look at all of them, when they are first gone through.

    Attributes:
        path: Of the file.
        offsets: uint32, shape (distinct + 1,); rows offsets[p]:offsets[p + 1] carry code p. None: row p alone.
        short_ids: uint32 ids less `base`, shape (rows,), or None.
        long_ids: int64 ids less `base`, shape (rows,), where they do not fit 32 bits.
        base: What to add to an id.
        stored_labels: Of all rows in the file, or None.
        deleted: uint32, numbers in the file of the deleted rows, ascending; None where all of them live.
    """

    path: Path
    offsets: NDArray[np.uint32] | None
    short_ids: NDArray[np.uint32] | None
    long_ids: NDArray[np.int64] | None
    base: int
    stored_labels: Labels | None
    deleted: NDArray[np.uint32] | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._ids)

    @property
    def ids(self) -> NDArray[np.int64]:
        """Their ids, shape (rows,)."""
        return self._ids.astype(np.int64) + self.base

    @property
    def labels(self) -> Labels | None:
        """Labels of the rows that live, or None where the index was built without."""
        labels = self._sound_labels
        return labels if labels is None or self.deleted is None else labels.take(self.numbers().astype(np.int64))

    @cached_property
    def sound_offsets(self) -> NDArray[np.uint32]:
        """`offsets`, uint32 of shape (distinct codes + 1,), seen to rise from 0 to the number of rows.

        Raises:
            CorruptIndexError: If they do not.
        """
        assert self.offsets is not None
        check_offsets(self.path, "row_offsets", self.offsets, len(self))
        return self.offsets

    @cached_property
    def _sound_labels(self) -> Labels | None:
        """`stored_labels`, whose offsets are seen to rise from 0 to the number of values."""
        if self.stored_labels is not None:
            check_offsets(self.path, "label_offsets", self.stored_labels.offsets, len(self.stored_labels.values))
        return self.stored_labels

    @property
    def _ids(self) -> Array:
        """Their ids as they are stored."""
        ids = self.long_ids if self.short_ids is None else self.short_ids
        assert ids is not None
        return ids

    def counts(self, distinct: int) -> NDArray[np.int64]:
        """Return the number of rows of each distinct code, shape (distinct,)."""
        if self.offsets is None:
            return np.ones(distinct, np.int64)
        return (self.sound_offsets[1:] - self.sound_offsets[:-1]).astype(np.int64)

    def distinct(self) -> int:
        """Return the number of distinct codes that rows carry."""
        if self.offsets is None:
            return len(self)
        return int(np.count_nonzero(self.sound_offsets[1:] != self.sound_offsets[:-1]))

    def find(self, wanted: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Return the numbers in the file of rows with one of some ids, shape (n,): uint32, (found,), ascending."""
        stored = wanted.astype(np.int64, copy=False) - self.base
        if self.long_ids is None:
            stored = stored[(stored >= 0) & (stored < 2**32)].astype(np.uint32)
        found = IdSet(stored).places(self._ids)
        return found.astype(np.uint32) if self.deleted is None else self.numbers()[found]

    def ids_at(self, rows: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Map row numbers in the file, shape (n,), of live rows to their ids, int64, shape (n,)."""
        return self._ids[self.places(rows)].astype(np.int64) + self.base

    def places(self, rows: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Map row numbers in the file to positions among the live rows; int64, shape (n,)."""
        if self.deleted is None:
            return rows.astype(np.int64)
        return rows - np.searchsorted(self.deleted, rows)

    def deleted_with(self, rows: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Return the numbers in the file of all deleted rows if `rows`, shape (n,), are too; uint32, ascending."""
        return rows if self.deleted is None else np.union1d(self.deleted, rows)

    def numbers(self) -> NDArray[np.uint32]:
        """Return the numbers in the file of the rows, uint32, shape (rows,)."""
        if self.deleted is None:
            return np.arange(len(self), dtype=np.uint32)
        lives = np.ones(len(self) + len(self.deleted), bool)
        lives[self.deleted] = False
        return np.flatnonzero(lives).astype(np.uint32)

    def without(self, deleted: NDArray[np.uint32]) -> LiveRows:
        """Return the rows that are left when those of some ascending numbers, uint32 of shape (n,), are deleted.

        Raises:
            CorruptIndexError: If there are no such rows.
        """
        if deleted.max(initial=0) >= max(len(self), 1):
            raise CorruptIndexError(
                f"{self.path}: expected tombstones of {len(self)} rows, got row {deleted.max()}; restore the manifest"
            )
        lives = np.ones(len(self), bool)
        lives[deleted] = False
        before = np.zeros(len(self) + 1, np.uint32)  # rows that live among the first r
        np.cumsum(lives, out=before[1:])
        return LiveRows(
            self.path,
            before if self.offsets is None else before[self.sound_offsets],
            None if self.short_ids is None else self.short_ids[lives],
            None if self.long_ids is None else self.long_ids[lives],
            self.base,
            self.stored_labels,
            deleted,
        )


def read_rows(file: ArrayFile, base: int) -> LiveRows:
    """Return all rows of a shard's file, as views; `check_arrays` has seen that they fit."""
    ids, labels = file.arrays["ids"], None
    if "label_offsets" in file.arrays:
        labels = Labels(file.arrays["label_offsets"], file.arrays["label_values"])
    is_short = ids.dtype == np.uint32
    offsets = file.arrays.get("row_offsets")
    return LiveRows(file.path, offsets, ids if is_short else None, None if is_short else ids, base, labels)
