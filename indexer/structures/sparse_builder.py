"""Building what a shard of sparse codes has beside its codes: fold table, inverted lists and block signatures."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcore.hamming import Words
from indexer import _native
from indexer.shards.file import Array
from indexer.structures.layout import Layout

ORDER_BITS = 31  # of a hash, by which the codes of a class ascend
BUCKETS_PER_GROUP = 32
TAGS_READ_AT_ONCE = 8  # so seven more stand behind the last


class Classes(NamedTuple):
    """The numbers of set bits that occur, and where the codes that have them begin; one more start is their end."""

    sizes: NDArray[np.uint32]
    starts: NDArray[np.uint32]


def hash_folds(codes: Words, threads: int) -> tuple[NDArray[np.uint32], Words]:
    """Return the number of set bits of each code, and a hash of its fold, the XOR of its words."""
    sizes, hashes = np.empty(codes.shape[1], np.uint32), np.empty(codes.shape[1], np.uint64)
    _native.hash_folds(codes, sizes, hashes, threads)
    return sizes, hashes


def class_keys(codes: Words, threads: int) -> tuple[Words, int]:
    """Return keys that put codes in the order of their numbers of set bits, and within it in that of their hashes.

    Returns:
        The keys, shape (n,), spread evenly over as many bits as they take; and how many these are.
    """
    sizes, hashes = hash_folds(codes, threads)
    counts = np.bincount(sizes).astype(np.uint64)
    starts = np.cumsum(counts) - counts
    keys = (starts[sizes] << np.uint64(ORDER_BITS)) + counts[sizes] * (hashes >> np.uint64(64 - ORDER_BITS))
    return keys, ORDER_BITS + len(sizes).bit_length()


def sparse_arrays(codes: Words, layout: Layout, threads: int) -> dict[str, Array]:
    """Return fold table, lists and signatures of distinct codes that stand in the order of `class_keys`."""
    set_bits, hashes = hash_folds(codes, threads)
    sizes, first = np.unique(set_bits, return_index=True)
    classes = Classes(sizes.astype(np.uint32), np.append(first, codes.shape[1]).astype(np.uint32))
    arrays: dict[str, Array] = {"classes.sizes": classes.sizes, "classes.starts": classes.starts}
    arrays |= fold_arrays(classes, hashes)
    if layout.lists:
        arrays |= list_arrays(codes, classes, layout.code_length, threads)
    for number in range(len(layout.blocks)):
        arrays |= _block_arrays(codes, layout, number, threads)
    return arrays


def fold_arrays(classes: Classes, hashes: Words) -> dict[str, Array]:
    """Return the fold table: where each group begins, and each bucket in it, and a byte of each code's hash."""
    groups = _native.count_groups(*classes)
    offsets, before = np.empty(groups + 1, np.uint32), np.empty(groups * BUCKETS_PER_GROUP, np.uint8)
    tags = np.empty(len(hashes) + TAGS_READ_AT_ONCE - 1, np.uint8)
    _native.fill_folds(*classes, hashes, offsets, before, tags)
    return {"folds.offsets": offsets, "folds.before": before, "folds.tags": tags}


def _block_arrays(codes: Words, layout: Layout, number: int, threads: int) -> dict[str, Array]:
    """Return the arrays of one block's table, entries in the order of its buckets, with the folds of their codes."""
    block, count, folds = layout.blocks[number], codes.shape[1], np.bitwise_xor.reduce(codes, axis=0)
    keys = np.empty(count, np.uint64)
    _native.sign(codes, block.begin, block.end, block.bits, keys, threads)
    offsets = np.empty(2**block.bits + 1, np.uint32)
    positions, words = np.empty(count, np.uint32), np.empty(count, np.uint64)
    _native.fill_table(keys, folds, 0, block.bits, offsets, positions, words, threads)
    return {f"block{number}.offsets": offsets, f"block{number}.positions": positions, f"block{number}.words": words}


def list_arrays(codes: Words, classes: Classes, tokens: int, threads: int) -> dict[str, Array]:
    """Return the inverted lists: of every token, and within it of every class."""
    shape = (tokens, len(classes.sizes))
    counts, lengths = np.empty(shape, np.uint32), np.empty(shape, np.int64)
    _native.measure_lists(codes, *classes, counts, lengths, threads)
    offsets = np.cumsum(lengths) - lengths.ravel()
    postings = np.zeros(int(lengths.sum()), np.uint8)
    _native.fill_lists(codes, *classes, offsets, counts, postings, threads)
    return {"lists.offsets": offsets, "lists.counts": counts, "lists.bytes": postings}
