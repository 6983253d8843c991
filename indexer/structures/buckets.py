"""Tables of buckets: codes in the order of their keys, as hash tables of substrings and of signatures keep them."""

from __future__ import annotations

import numpy as np

from hashcore.hamming import Words
from indexer import _native
from indexer.storage.array_file import Array, ArrayFile
from indexer.structures.base import ENTRIES_AT_ONCE, Arrays, Kinds, check_offsets, check_positions, damage

ENTRY_BYTES = 12  # position and filter word


def bucket_arrays(name: str, keys: Words, filter_words: Words, shift: int, bits: int, threads: int) -> Arrays:
    """Return the arrays of a table: where each bucket begins, and position and filter word of each entry.

    Args:
        name: Of the table.
        keys: A word of each code, shape (distinct,), whose bits shift..shift + bits are its bucket.
        filter_words: What stands beside each code's entry, shape (distinct,).
        shift: Of the bucket in the word.
        bits: Of a bucket.
        threads: Threads to use.
    """
    offsets = np.empty(2**bits + 1, np.uint32)
    positions, words = np.empty(len(keys), np.uint32), np.empty(len(keys), np.uint64)
    _native.fill_table(keys, filter_words, shift, bits, offsets, positions, words, threads)
    return {f"{name}.offsets": offsets, f"{name}.positions": positions, f"{name}.words": words}


def bucket_kinds(name: str, bits: int, distinct: int, *, has_entries: bool = True) -> Kinds:
    """Return element and shape of a table's arrays."""
    entries: Kinds = {f"{name}.positions": (np.uint32, (distinct,)), f"{name}.words": (np.uint64, (distinct,))}
    return {f"{name}.offsets": (np.uint32, (2**bits + 1,)), **(entries if has_entries else {})}


def bucket_bytes(rows: int, bits: int) -> int:
    """Return what a table takes."""
    return ENTRY_BYTES * rows + (4 << bits)


def check_buckets(file: ArrayFile, name: str, distinct: int) -> None:
    """Raise CorruptIndexError if a bucket or an entry of a table leads outside."""
    positions = file.arrays.get(f"{name}.positions")
    if positions is not None:
        check_positions(file.path, f"{name}.positions", positions, distinct)
    check_offsets(file.path, f"{name}.offsets", file.arrays[f"{name}.offsets"], distinct)


def verify_buckets(file: ArrayFile, name: str, keys: Words, filter_words: Words, shift: int, bits: int) -> None:
    """Compare the entries of a table with the codes that they stand for, in whatever order within a bucket.

    A table without positions has entry p for code p. Arguments as for `bucket_arrays`.

    Raises:
        CorruptIndexError: If a code is missing, or an entry stands in another bucket or has another filter word.
    """
    positions, words = file.arrays.get(f"{name}.positions"), file.arrays.get(f"{name}.words")
    met = np.zeros(len(keys) if positions is not None else 0, bool)
    for start in range(0, len(keys), ENTRIES_AT_ONCE):
        part = slice(start, min(start + ENTRIES_AT_ONCE, len(keys)))
        of_entries = keys[part]
        if positions is not None and words is not None:
            codes = positions[part]
            met[codes] = True
            of_entries = keys[codes]
            if not np.array_equal(words[part], filter_words[codes]):
                raise damage(file.path, f"{name}.words", "the filter words of its entries' codes", "others")
        buckets = (of_entries >> np.uint64(shift)) & np.uint64(2**bits - 1)
        _verify_places(file, f"{name}.offsets", buckets, np.arange(part.start, part.stop))
    if not met.all():
        raise damage(file.path, f"{name}.positions", "each code once", f"no code {int(np.argmin(met))}")


def _verify_places(file: ArrayFile, name: str, buckets: Array, entries: Array) -> None:
    """Raise unless each entry lies between the offsets of its bucket."""
    offsets = file.arrays[name]
    outside = (offsets[buckets] > entries) | (offsets[buckets + np.uint64(1)] <= entries)
    if outside.any():
        raise damage(file.path, name, "each entry in its bucket", f"entry {int(entries[np.argmax(outside)])} outside")
