"""Building what a shard of sparse codes has beside its codes: block signatures and inverted lists."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashcore.hamming import Words
from indexer import _tables
from indexer.layout import Layout
from indexer.shard_file import Array

HASH_BITS = 31
HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def weigh(codes: Words, threads: int) -> tuple[NDArray[np.uint32], Words]:
    """Return the number of set bits of each code, and its fold: the XOR of its words.

    Folds are no farther apart than their codes.
    """
    sizes, folds = np.empty(codes.shape[1], np.uint32), np.empty(codes.shape[1], np.uint64)
    _tables.weigh(codes, sizes, folds, threads)
    return sizes, folds


def class_keys(codes: Words, threads: int) -> tuple[Words, int]:
    """Return keys that put codes in the order of their numbers of set bits, and spread those of one number evenly.

    Returns:
        The keys, shape (n,), and how many bits they take.
    """
    sizes, folds = weigh(codes, threads)
    counts = np.bincount(sizes).astype(np.uint64)
    starts = np.cumsum(counts) - counts
    chance = (folds * HASH_FACTOR) >> np.uint64(64 - HASH_BITS)
    keys = (starts[sizes] << np.uint64(HASH_BITS)) + counts[sizes] * chance
    return keys, HASH_BITS + len(sizes).bit_length()


def sparse_arrays(codes: Words, layout: Layout, threads: int) -> dict[str, Array]:
    """Return signatures and lists of distinct codes that stand in the order of their numbers of set bits."""
    sizes, folds = weigh(codes, threads)
    arrays: dict[str, Array] = {}
    for number in range(len(layout.blocks)):
        arrays |= _block_arrays(codes, folds, layout, number, threads)
    if layout.lists:
        arrays |= _list_arrays(codes, sizes, layout.code_length, threads)
    return arrays


def _block_arrays(codes: Words, folds: Words, layout: Layout, number: int, threads: int) -> dict[str, Array]:
    """Return the arrays of one block's table, entries in the order of its buckets."""
    block, count = layout.blocks[number], codes.shape[1]
    keys = np.empty(count, np.uint64)
    _tables.sign(codes, block.begin, block.end, block.bits, keys, threads)
    offsets = np.empty(2**block.bits + 1, np.uint32)
    positions, words = np.empty(count, np.uint32), np.empty(count, np.uint64)
    _tables.fill_table(keys, folds, 0, block.bits, offsets, positions, words, threads)
    return {f"block{number}.offsets": offsets, f"block{number}.positions": positions, f"block{number}.words": words}


def _list_arrays(codes: Words, set_bits: NDArray[np.uint32], tokens: int, threads: int) -> dict[str, Array]:
    """Return the inverted lists: of every token, and within it of every number of set bits."""
    sizes, first = np.unique(set_bits, return_index=True)
    starts: NDArray[np.uint32] = np.append(first, codes.shape[1]).astype(np.uint32)
    counts, lengths = np.empty((tokens, len(sizes)), np.uint32), np.empty((tokens, len(sizes)), np.int64)
    _tables.measure_lists(codes, starts, counts, lengths, threads)
    offsets = np.cumsum(lengths) - lengths.ravel()
    gaps = np.empty(int(lengths.sum()), np.uint8)
    _tables.fill_lists(codes, starts, offsets, gaps, tokens, threads)
    return {
        "lists.sizes": sizes.astype(np.uint32),
        "lists.starts": starts,
        "lists.offsets": offsets,
        "lists.counts": counts,
        "lists.gaps": gaps,
    }
