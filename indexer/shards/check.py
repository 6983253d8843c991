"""Whether a shard's arrays point only into each other: what tells a damaged file before it is searched."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hashcore.arguments import rises
from hashcore.errors import CorruptIndexError
from indexer import _native
from indexer.shards.file import Array, ShardFile
from indexer.structures.fold_order import WORD_BITS
from indexer.structures.layout import Layout
from indexer.structures.sparse_builder import BUCKETS_PER_GROUP


def check_structure(file: ShardFile, layout: Layout) -> None:
    """Compare every offset and position of a shard with the array that it points into.

    Digests tell that a file is what was written; this tells that what was written is a shard. `check_arrays` has seen
    that its arrays are there and as long as they must be.

    Raises:
        CorruptIndexError: Naming file and array.
    """
    arrays, codes = file.arrays, file.array("codes", np.uint64, (layout.words, -1))
    distinct = codes.shape[1]
    check_unused_bits(file, layout)
    if not layout.folds:
        check_order(file, codes)
    if "row_offsets" in arrays:
        check_offsets(file.path, "row_offsets", arrays["row_offsets"], len(arrays["ids"]))
    if "label_offsets" in arrays:
        check_offsets(file.path, "label_offsets", arrays["label_offsets"], len(arrays["label_values"]))
    for name, array in arrays.items():
        if name.endswith(".positions") and array.max(initial=0) >= max(distinct, 1):
            raise damage(file.path, name, f"positions below {distinct}", int(array.max()))
        if name.endswith(".offsets") and name != "lists.offsets":
            check_offsets(file.path, name, array, distinct)
    if "folds.before" in arrays:
        _check_buckets(file)
    if "lists.bytes" in arrays:
        _check_lists(file, layout)


def check_offsets(path: Path, name: str, offsets: Array, total: int) -> None:
    """Raise CorruptIndexError unless an array's offsets rise from 0 to total."""
    if not rises(offsets, total):
        raise damage(path, name, f"{len(offsets)} offsets rising from 0 to {total}", "others")


def check_unused_bits(file: ShardFile, layout: Layout) -> None:
    """Raise CorruptIndexError if a code sets a bit beyond its length."""
    used = layout.code_length % WORD_BITS
    if used and int(file.arrays["codes"][-1].max(initial=0)) >> used:
        raise damage(file.path, "codes", f"codes of {layout.code_length} bits", "longer ones")


def check_order(file: ShardFile, columns: Array, first: int = 0) -> None:
    """Raise CorruptIndexError unless codes rise, each once, by (column 0, column 1, …); `first` numbers the first."""
    rises = np.zeros(max(columns.shape[1] - 1, 0), bool)
    equal = ~rises
    for word in columns:
        rises |= equal & (word[1:] > word[:-1])
        equal &= word[1:] == word[:-1]
    if not rises.all():
        raise damage(file.path, "codes", "codes that rise", f"code {first + int(np.argmin(rises)) + 1} out of order")


def damage(path: Path, name: str, expected: str, got: object) -> CorruptIndexError:
    """Return the error of an array that is not what it must be."""
    return CorruptIndexError(f"{path}: array {name}: expected {expected}, got {got}; restore the file")


def _check_buckets(file: ShardFile) -> None:
    """Raise unless the buckets of a fold table lie within their groups."""
    offsets, before = file.arrays["folds.offsets"], file.arrays["folds.before"]
    most = np.minimum(np.diff(offsets), 255)
    if (before.reshape(-1, BUCKETS_PER_GROUP) > most[:, None]).any():
        raise damage(file.path, "folds.before", "buckets within their groups", "more codes before one")


def _check_lists(file: ShardFile, layout: Layout) -> None:
    """Raise unless every inverted list ends within its array, and its positions within their class."""
    sizes = file.array("classes.sizes", np.uint32, (-1,))
    starts = file.array("classes.starts", np.uint32, (len(sizes) + 1,))
    counts = file.array("lists.counts", np.uint32, (layout.code_length, len(sizes)))
    offsets = file.array("lists.offsets", np.int64, (counts.size,))
    damaged = _native.first_damaged_list(sizes, starts, offsets, counts, file.array("lists.bytes", np.uint8, (-1,)))
    if damaged < counts.size:
        raise damage(file.path, "lists.bytes", "lists within their array and class", f"list {damaged}")
