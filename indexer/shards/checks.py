"""Checks of a shard's file, each deeper than the one before: its arrays, where they lead, and what they are made of."""

from __future__ import annotations

import numpy as np

from hashcore.errors import CorruptIndexError
from indexer.shards.row_arrays import check_rows, row_kinds, verify_rows
from indexer.storage.array_file import ArrayFile
from indexer.structures.base import WORD_BITS, Structure, check_order, damage
from indexer.structures.folds import verify_class_order
from indexer.structures.layout import Layout


def kept_structures(layout: Layout, distinct: int) -> tuple[Structure, ...]:
    """Return the structures that a shard of so many distinct codes keeps; none where a scan is cheaper."""
    return layout.structures if layout.has_structures(distinct) else ()


def check_arrays(file: ArrayFile, layout: Layout, rows: int) -> None:
    """Check that a shard's file has the arrays of its layout, no other, and each of its length.

    Of values it looks at those of the classes alone, a few thousand: opening takes no longer for a larger shard.

    Raises:
        CorruptIndexError: Naming the array that is missing, too many or of another shape.
    """
    distinct = file.array("codes", np.uint64, (layout.words, -1)).shape[1]
    if not distinct <= rows:
        raise CorruptIndexError(f"{file.path}: expected rows for each of {distinct} codes, got {rows}; restore it")
    expected = row_kinds(file, rows, distinct)
    for structure in kept_structures(layout, distinct):
        expected |= structure.kinds(file, distinct)
    for name, (element, shape) in expected.items():
        file.array(name, element, shape)
    file.refuse_others({"codes", *expected})


def check_structure(file: ArrayFile, layout: Layout) -> None:
    """Compare every offset and position of a shard with the array that it points into.

    Digests tell that a file is what was written; this tells that what was written is a shard. `check_arrays` has seen
    that its arrays are there and as long as they must be.

    Raises:
        CorruptIndexError: Naming file and array.
    """
    codes = file.array("codes", np.uint64, (layout.words, -1))
    check_unused_bits(file, layout)
    if not layout.folds:
        check_order(file, codes)
    check_rows(file)
    for structure in kept_structures(layout, codes.shape[1]):
        structure.check(file, codes.shape[1])


def check_unused_bits(file: ArrayFile, layout: Layout) -> None:
    """Raise CorruptIndexError if a code sets a bit beyond its length."""
    used = layout.code_length % WORD_BITS
    if used and int(file.arrays["codes"][-1].max(initial=0)) >> used:
        raise damage(file.path, "codes", f"codes of {layout.code_length} bits", "longer ones")


def verify_derived(file: ArrayFile, layout: Layout, base: int, threads: int) -> None:
    """Compare the arrays of a shard with its codes and ids; `check_structure` has passed.

    A file whose bytes are as their digests say, and whose offsets lead inside, may still hold the tables of other
    codes. Where this passes, every search equals a scan. Takes a few bytes a code or row beside the file.

    Args:
        file: Of the shard.
        layout: Of its codes.
        base: What its ids are stored less.
        threads: Threads to use.

    Raises:
        CorruptIndexError: Naming file and array.
    """
    verify_rows(file, base)
    codes = file.arrays["codes"]
    if layout.folds:
        verify_class_order(file, codes, threads)
    for structure in kept_structures(layout, codes.shape[1]):
        structure.verify(file, codes, threads)
