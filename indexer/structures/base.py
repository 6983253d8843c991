"""The protocol of an index structure: the arrays that it keeps in a shard's file, and how they are made and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from hashcore.arguments import rises
from hashcore.errors import CorruptIndexError
from hashcore.hamming import Words
from hashcore.machine.native_build import check_built
from indexer import _native
from indexer.storage.array_file import Array, ArrayFile

check_built(_native)
WORD_BITS = 64
ENTRIES_AT_ONCE = 1 << 16  # of a check: their buckets and words stay in the cache

Arrays = dict[str, Array]
Kinds = dict[str, tuple[type[np.generic], tuple[int, ...]]]  # of arrays: element and shape, −1 of any length


class Structure(Protocol):
    """One structure over the distinct codes of a shard; a layout says which ones a shard has.

    Codes are uint64 words of shape (words, distinct), in the shard's order and with bits in the layout's.
    """

    def arrays(self, codes: Words, threads: int) -> Arrays:
        """Make its arrays from the distinct codes, uint64 of shape (words, n); by name, as they stand in the file."""

    def kinds(self, file: ArrayFile, distinct: int) -> Kinds:
        """Return element and shape of each of its arrays; reads no large one."""

    def check(self, file: ArrayFile, distinct: int) -> None:
        """Raise CorruptIndexError if an offset or position leads outside the arrays that it points into."""

    def verify(self, file: ArrayFile, codes: Words, threads: int) -> None:
        """Raise CorruptIndexError if its arrays, which `check` has passed, are not those of the codes, (words, n)."""

    def building_bytes(self, rows: int) -> int:
        """Return the memory that its arrays take at most while a shard of so many rows is built."""


def damage(path: Path, name: str, expected: str, got: object) -> CorruptIndexError:
    """Return the error of an array that is not what it must be."""
    return CorruptIndexError(f"{path}: array {name}: expected {expected}, got {got}; restore the file")


def check_offsets(path: Path, name: str, offsets: Array, total: int) -> None:
    """Raise CorruptIndexError unless an array's offsets, shape (n + 1,), rise from 0 to total."""
    if not rises(offsets, total):
        raise damage(path, name, f"{len(offsets)} offsets rising from 0 to {total}", "others")


def check_positions(path: Path, name: str, positions: Array, distinct: int) -> None:
    """Raise CorruptIndexError unless an array's positions, shape (n,), are those of codes."""
    if positions.max(initial=0) >= max(distinct, 1):
        raise damage(path, name, f"positions below {distinct}", int(positions.max()))


def check_order(file: ArrayFile, columns: Array, first: int = 0) -> None:
    """Raise CorruptIndexError unless codes, shape (columns, n), rise, each once, by (column 0, column 1, …).

    `first` is the number of the first code.
    """
    follows = np.zeros(max(columns.shape[1] - 1, 0), bool)
    equal = ~follows
    for word in columns:
        follows |= equal & (word[1:] > word[:-1])
        equal &= word[1:] == word[:-1]
    if not follows.all():
        raise damage(file.path, "codes", "codes that rise", f"code {first + int(np.argmin(follows)) + 1} out of order")
