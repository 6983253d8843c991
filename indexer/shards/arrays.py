"""Which arrays a shard has, of which types and shapes: told by its layout and the numbers of its rows and codes."""

from __future__ import annotations

import numpy as np

from hashcore.errors import CorruptIndexError
from indexer import _native
from indexer.shards.file import ShardFile
from indexer.structures.layout import Layout
from indexer.structures.sparse_builder import BUCKETS_PER_GROUP, TAGS_READ_AT_ONCE, Classes

Kinds = dict[str, tuple[type[np.generic], tuple[int, ...]]]  # of arrays: element and shape, −1 of any length


def check_arrays(file: ShardFile, layout: Layout, rows: int) -> None:
    """Check that a shard's file has the arrays of its layout, no other, and each of its length.

    Of values it looks at those of the classes alone, a few thousand: opening takes no longer for a larger shard.

    Raises:
        CorruptIndexError: Naming the array that is missing, too many or of another shape.
    """
    distinct = file.array("codes", np.uint64, (layout.words, -1)).shape[1]
    if not distinct <= rows:
        raise CorruptIndexError(f"{file.path}: expected rows for each of {distinct} codes, got {rows}; restore it")
    expected = _row_arrays(file, rows, distinct)
    if distinct >= layout.scan_below:
        expected |= _sparse_arrays(file, layout, distinct) if layout.folds else _table_arrays(layout, distinct)
    for name, (element, shape) in expected.items():
        file.array(name, element, shape)
    file.refuse_others({"codes", *expected})


def read_classes(file: ShardFile, code_length: int, distinct: int) -> Classes:
    """Return the classes of a shard's codes, checked.

    Raises:
        CorruptIndexError: If numbers of set bits do not rise, or a class has no codes.
    """
    sizes = file.array("classes.sizes", np.uint32, (-1,))
    starts = file.array("classes.starts", np.uint32, (len(sizes) + 1,))
    are_sizes = (sizes[1:] > sizes[:-1]).all() and sizes.max(initial=0) <= code_length
    if not are_sizes or starts[0] != 0 or starts[-1] != distinct or (starts[1:] <= starts[:-1]).any():
        raise CorruptIndexError(
            f"{file.path}: classes: expected rising numbers of up to {code_length} set bits, each of some of "
            f"{distinct} codes, got others; restore the file"
        )
    return Classes(sizes, starts)


def _row_arrays(file: ShardFile, rows: int, distinct: int) -> Kinds:
    """Return the arrays of the rows; those of labels where there is one of them."""
    arrays: Kinds = {"ids": (np.int64 if file.has("ids", np.int64) else np.uint32, (rows,))}
    if rows != distinct or "row_offsets" in file.arrays:
        arrays["row_offsets"] = np.uint32, (distinct + 1,)
    if "label_offsets" in file.arrays or "label_values" in file.arrays:
        arrays |= {"label_offsets": (np.int64, (rows + 1,)), "label_values": (np.int32, (-1,))}
    return arrays


def _table_arrays(layout: Layout, distinct: int) -> Kinds:
    """Return the arrays of the substrings' tables; the first one's entries are the codes."""
    arrays: Kinds = {}
    for number, substring in enumerate(layout.substrings):
        arrays |= bucket_arrays(f"table{number}", substring.bits, distinct, has_entries=number > 0)
    return arrays


def bucket_arrays(name: str, bits: int, distinct: int, *, has_entries: bool = True) -> Kinds:
    """Return the arrays of one table of buckets."""
    entries: Kinds = {f"{name}.positions": (np.uint32, (distinct,)), f"{name}.words": (np.uint64, (distinct,))}
    return {f"{name}.offsets": (np.uint32, (2**bits + 1,)), **(entries if has_entries else {})}


def _sparse_arrays(file: ShardFile, layout: Layout, distinct: int) -> Kinds:
    """Return the arrays of fold table, inverted lists and blocks."""
    classes = read_classes(file, layout.code_length, distinct)
    count, groups = len(classes.sizes), _native.count_groups(*classes)
    arrays: Kinds = {
        "classes.sizes": (np.uint32, (count,)),
        "classes.starts": (np.uint32, (count + 1,)),
        "folds.offsets": (np.uint32, (groups + 1,)),
        "folds.before": (np.uint8, (groups * BUCKETS_PER_GROUP,)),
        "folds.tags": (np.uint8, (distinct + TAGS_READ_AT_ONCE - 1,)),
    }
    if layout.lists:
        arrays |= {
            "lists.counts": (np.uint32, (layout.code_length, count)),
            "lists.offsets": (np.int64, (layout.code_length * count,)),
            "lists.bytes": (np.uint8, (-1,)),
        }
    for number, block in enumerate(layout.blocks):
        arrays |= bucket_arrays(f"block{number}", block.bits, distinct)
    return arrays
