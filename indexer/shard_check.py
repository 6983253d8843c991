"""Whether a shard's arrays point only into each other: what its native code relies on without looking."""

from __future__ import annotations

import numpy as np

from hashcore.errors import CorruptIndexError
from indexer import _tables
from indexer.layout import Layout
from indexer.shard_file import Array, ShardFile
from indexer.sparse_builder import BUCKETS_PER_GROUP


def check_structure(file: ShardFile, layout: Layout) -> None:
    """Compare every offset and position of a shard with the array that it points into.

    Digests tell that a file is what was written; this tells that what was written is a shard.

    Raises:
        CorruptIndexError: Naming file and array.
    """
    arrays, codes = file.arrays, file.array("codes", np.uint64, (layout.words, -1))
    distinct = codes.shape[1]
    if not layout.folds:
        _check_order(file, codes)
    if "row_offsets" in arrays:
        _check_offsets(file, "row_offsets", distinct, len(arrays["ids"]) if "ids" in arrays else 0)
    if "label_offsets" in arrays:
        _check_offsets(file, "label_offsets", len(arrays["label_offsets"]) - 1, len(arrays.get("label_values", ())))
    for name, widths in (("table", [s.bits for s in layout.substrings]), ("block", [b.bits for b in layout.blocks])):
        for number, bits in enumerate(widths if f"{name}0.offsets" in arrays else ()):
            _check_offsets(file, f"{name}{number}.offsets", 2**bits, distinct)
            positions = arrays.get(f"{name}{number}.positions")
            if positions is not None and positions.max(initial=0) >= max(distinct, 1):
                raise _damage(file, f"{name}{number}.positions", f"positions below {distinct}", int(positions.max()))
    if "classes.starts" in arrays:
        _check_offsets(file, "classes.starts", len(arrays["classes.starts"]) - 1, distinct)
    if "folds.offsets" in arrays:
        _check_offsets(file, "folds.offsets", len(arrays["folds.offsets"]) - 1, distinct)
        _check_buckets(file)
    if "lists.bytes" in arrays:
        _check_lists(file, layout)


def _check_offsets(file: ShardFile, name: str, count: int, total: int) -> None:
    """Raise unless an array is count + 1 offsets that rise from 0 to total."""
    offsets: Array = file.arrays.get(name, np.empty(0, np.int64))
    if offsets.shape != (count + 1,) or offsets[0] != 0 or offsets[-1] != total or (offsets[1:] < offsets[:-1]).any():
        raise _damage(file, name, f"{count + 1} offsets rising from 0 to {total}", f"shape {offsets.shape}")


def _check_buckets(file: ShardFile) -> None:
    """Raise unless the buckets of a fold table lie within their groups."""
    offsets, before = file.arrays["folds.offsets"], file.arrays.get("folds.before", np.empty(0, np.uint8))
    if before.shape != ((len(offsets) - 1) * BUCKETS_PER_GROUP,):
        raise _damage(file, "folds.before", f"{BUCKETS_PER_GROUP} bytes a group", f"shape {before.shape}")
    most = np.minimum(np.diff(offsets), 255)
    if (before.reshape(-1, BUCKETS_PER_GROUP) > most[:, None]).any():
        raise _damage(file, "folds.before", "buckets within their groups", "more codes before one")


def _check_lists(file: ShardFile, layout: Layout) -> None:
    """Raise unless every inverted list ends within its array, and its positions within their class."""
    sizes = file.array("classes.sizes", np.uint32, (-1,))
    starts = file.array("classes.starts", np.uint32, (len(sizes) + 1,))
    counts = file.array("lists.counts", np.uint32, (layout.code_length, len(sizes)))
    offsets = file.array("lists.offsets", np.int64, (counts.size,))
    damaged = _tables.first_damaged_list(sizes, starts, offsets, counts, file.array("lists.bytes", np.uint8, (-1,)))
    if damaged < counts.size:
        raise _damage(file, "lists.bytes", "lists within their array and class", f"list {damaged}")


def _check_order(file: ShardFile, codes: Array) -> None:
    """Raise unless the codes rise, each once, by (word 0, word 1, …)."""
    rises = np.zeros(max(codes.shape[1] - 1, 0), bool)
    equal = ~rises
    for word in codes:
        rises |= equal & (word[1:] > word[:-1])
        equal &= word[1:] == word[:-1]
    if not rises.all():
        raise _damage(file, "codes", "codes that rise", f"code {int(np.argmin(rises)) + 1} out of order")


def _damage(file: ShardFile, name: str, expected: str, got: object) -> CorruptIndexError:
    return CorruptIndexError(f"{file.path}: array {name}: expected {expected}, got {got}; restore the file")
