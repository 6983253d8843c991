"""Whether the entries of a table are all codes of its shard, each in its bucket, with its filter word."""

from __future__ import annotations

import numpy as np

from hashcore.hamming import Words
from indexer.shards.check import damage
from indexer.shards.file import Array, ShardFile

ENTRIES_AT_ONCE = 1 << 16  # their buckets and words stay in the cache


def check_table(file: ShardFile, name: str, keys: Words, filter_words: Words, shift: int, bits: int) -> None:
    """Compare the entries of a table with the codes that they stand for, in whatever order within a bucket.

    Args:
        file: Of the shard.
        name: Of the table; one without positions has entry p for code p.
        keys: A word of each code, shape (distinct,), whose bits shift..shift + bits are its bucket.
        filter_words: What stands beside each code's entry.
        shift: Of the bucket in the word.
        bits: Of a bucket.

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
        _check_buckets(file, f"{name}.offsets", buckets, np.arange(part.start, part.stop))
    if not met.all():
        raise damage(file.path, f"{name}.positions", "each code once", f"no code {int(np.argmin(met))}")


def _check_buckets(file: ShardFile, name: str, buckets: Array, entries: Array) -> None:
    """Raise unless each entry lies between the offsets of its bucket."""
    offsets = file.arrays[name]
    outside = (offsets[buckets] > entries) | (offsets[buckets + np.uint64(1)] <= entries)
    if outside.any():
        raise damage(file.path, name, "each entry in its bucket", f"entry {int(entries[np.argmax(outside)])} outside")
