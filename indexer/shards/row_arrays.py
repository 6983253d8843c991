"""The arrays of a shard's rows: ids, where the rows of each code begin, and labels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from indexer.shards.key_arrays import FACT, check_keys, key_kinds, verify_keys
from indexer.shards.keys import MAX_ID
from indexer.storage.array_file import Array, ArrayFile
from indexer.structures.base import ENTRIES_AT_ONCE, Kinds, check_offsets, damage


def row_kinds(file: ArrayFile, rows: int, distinct: int) -> Kinds:
    """Return element and shape of each array of the rows; those of labels where the file has one of them."""
    are_long = FACT in file.facts or file.has("ids", np.int64)
    arrays: Kinds = {"ids": (np.int64 if are_long else np.uint32, (rows,))}
    if rows != distinct or "row_offsets" in file.arrays:
        arrays["row_offsets"] = np.uint32, (distinct + 1,)
    if "label_offsets" in file.arrays or "label_values" in file.arrays:
        arrays |= {"label_offsets": (np.int64, (rows + 1,)), "label_values": (np.int32, (-1,))}
    return arrays | key_kinds(file, rows)


def check_rows(file: ArrayFile) -> None:
    """Raise CorruptIndexError if an offset leads outside ids, labels or keys."""
    check_keys(file)
    for offsets, values in (("row_offsets", "ids"), ("label_offsets", "label_values")):
        if offsets in file.arrays:
            check_offsets(file.path, offsets, file.arrays[offsets], len(file.arrays[values]))


def verify_rows(file: ArrayFile, base: int) -> None:
    """Raise CorruptIndexError unless each code has a row, and ids are in order, each once, of 64 bits, and of its key.

    Args:
        file: Of the shard; `check_rows` has passed.
        base: What its ids are stored less.
    """
    _verify_order(file)
    _verify_ids(file, base)
    verify_keys(file)


def _verify_order(file: ArrayFile) -> None:
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


def _verify_ids(file: ArrayFile, base: int) -> None:
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
