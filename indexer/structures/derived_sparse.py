"""Whether fold table, inverted lists and block signatures of a shard are those of its sparse codes."""

from __future__ import annotations

import numpy as np

from hashcore.hamming import Words
from indexer import _native
from indexer.shards.check import check_order, damage
from indexer.shards.file import ShardFile
from indexer.structures.fold_order import WORD_BITS
from indexer.structures.layout import Layout
from indexer.structures.sparse_builder import ORDER_BITS, Classes, fold_arrays, hash_folds, list_arrays
from indexer.structures.table_check import ENTRIES_AT_ONCE, check_table


def check_sparse(file: ShardFile, layout: Layout, threads: int) -> None:
    """Compare the order of sparse codes, and the arrays that are made of them, with the codes.

    Raises:
        CorruptIndexError: Naming file and array.
    """
    codes: Words = file.arrays["codes"]
    sizes, hashes = hash_folds(codes, threads)
    for start in range(0, len(sizes), ENTRIES_AT_ONCE):
        part = slice(start, start + ENTRIES_AT_ONCE + 1)
        keys = hashes[part] >> np.uint64(WORD_BITS - ORDER_BITS)
        check_order(file, np.stack([sizes[part].astype(np.uint64), keys, *codes[:, part]]), start)
    if "folds.tags" not in file.arrays:
        return
    classes = Classes(file.arrays["classes.sizes"], file.arrays["classes.starts"])
    if not np.array_equal(np.repeat(classes.sizes, np.diff(classes.starts)), sizes):
        raise damage(file.path, "classes.sizes", "the numbers of set bits of its codes", "others")
    _check_folds(file, classes, hashes)
    if layout.lists:
        _check_lists(file, classes, layout.code_length, threads)
    if layout.blocks:
        _check_blocks(file, layout, threads)


def _check_folds(file: ShardFile, classes: Classes, hashes: Words) -> None:
    """Raise unless the fold table is that of the hashes; what pads the tags is left alone."""
    for name, expected in fold_arrays(classes, hashes).items():
        end = len(hashes) if name == "folds.tags" else len(expected)
        if not np.array_equal(file.arrays[name][:end], expected[:end]):
            raise damage(file.path, name, "the table of its codes' folds", "another")


def _check_lists(file: ShardFile, classes: Classes, code_length: int, threads: int) -> None:
    """Raise unless the inverted lists, one after another, are those of the codes; made anew some words at a time."""
    codes, postings = file.arrays["codes"], file.arrays["lists.bytes"]
    first, end = 0, 0
    for word in range(0, len(codes), threads):
        tokens = min(threads * WORD_BITS, code_length - word * WORD_BITS)
        made = list_arrays(codes[word : word + threads], classes, tokens, threads)
        lists = slice(first, first + len(made["lists.offsets"]))
        begin, end, first = end, end + len(made["lists.bytes"]), lists.stop
        for name, held, expected in (
            ("lists.counts", file.arrays["lists.counts"].reshape(-1)[lists], made["lists.counts"].reshape(-1)),
            ("lists.offsets", file.arrays["lists.offsets"][lists], made["lists.offsets"] + begin),
            ("lists.bytes", postings[begin:end], made["lists.bytes"]),
        ):
            if not np.array_equal(held, expected):
                raise damage(file.path, name, f"the lists of its codes' bits from {word * WORD_BITS} on", "others")
    if end != len(postings):
        raise damage(file.path, "lists.bytes", f"{end} bytes", len(postings))


def _check_blocks(file: ShardFile, layout: Layout, threads: int) -> None:
    """Raise unless the tables of the blocks are those of the codes' signatures."""
    codes: Words = file.arrays["codes"]
    folds, keys = np.bitwise_xor.reduce(codes, axis=0), np.empty(codes.shape[1], np.uint64)
    for number, block in enumerate(layout.blocks):
        _native.sign(codes, block.begin, block.end, block.bits, keys, threads)
        check_table(file, f"block{number}", keys, folds, 0, block.bits)
