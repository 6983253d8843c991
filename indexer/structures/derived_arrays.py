"""Whether a shard's arrays are what its codes and ids make of them: what every honest writer has written.

A file whose bytes are as their digests say, and whose offsets lead inside, may still hold the tables of other codes:
its answers would be wrong. So each array is compared with those that it must follow from, some entries at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hashcore.hamming import Words
from indexer.shards.check import damage
from indexer.shards.file import Array, ShardFile
from indexer.structures.derived_sparse import check_sparse
from indexer.structures.layout import Layout
from indexer.structures.table_check import ENTRIES_AT_ONCE, check_table

MAX_ID = 2**63 - 1


def check_derived(file: ShardFile, layout: Layout, base: int, threads: int) -> None:
    """Compare the arrays of a shard with its codes and ids; `check_structure` has passed.

    Where that is so, every search of it equals a scan. Takes a few bytes a code or row beside the file.

    Args:
        file: Of the shard.
        layout: Of its codes.
        base: What its ids are stored less.
        threads: Threads to use.

    Raises:
        CorruptIndexError: Naming file and array.
    """
    _check_rows(file)
    _check_ids(file, base)
    codes: Words = file.arrays["codes"]
    if layout.folds:
        check_sparse(file, layout, threads)
    elif "table0.offsets" in file.arrays:
        for number, substring in enumerate(layout.substrings):
            keys, filter_words = codes[substring.word], codes[layout.filter_word(substring)]
            check_table(file, f"table{number}", keys, filter_words, substring.shift, substring.bits)


def _check_rows(file: ShardFile) -> None:
    """Raise unless each code has a row, and ids rise within each code."""
    ids, offsets = file.arrays["ids"], file.arrays.get("row_offsets")
    if offsets is None:
        return
    if (offsets[1:] == offsets[:-1]).any():
        raise damage(file.path, "row_offsets", "a row for each code", "a code without")
    for start, block in _overlapping(ids):
        falls = np.flatnonzero(block[1:] <= block[:-1]) + start + 1
        begins = offsets[np.searchsorted(offsets, falls).clip(max=len(offsets) - 1)]
        if (begins != falls).any():
            row = int(falls[np.argmax(begins != falls)])
            raise damage(file.path, "ids", "ids that rise within each code", f"row {row} out of order")


def _check_ids(file: ShardFile, base: int) -> None:
    """Raise unless every id is there once, and fits 64 bits."""
    ids: NDArray[np.unsignedinteger | np.signedinteger] = np.sort(file.arrays["ids"])
    for start, block in _overlapping(ids):
        twice = np.flatnonzero(block[1:] == block[:-1])
        if len(twice):
            raise damage(file.path, "ids", "each id once", f"{base + int(ids[start + twice[0]])} twice")
    if len(ids) and not -MAX_ID - 1 <= base + int(ids[0]) <= base + int(ids[-1]) <= MAX_ID:
        raise damage(file.path, "ids", "ids of 64 bits", base + int(ids[-1]))


def _overlapping(array: Array) -> Iterator[tuple[int, Array]]:
    """Yield blocks of an array and where they begin; each begins with the last element of the one before."""
    for start in range(0, len(array), ENTRIES_AT_ONCE):
        yield start, array[start : start + ENTRIES_AT_ONCE + 1]
