"""Look many ids up in a set. A hash bitmap that fits the processor's cache rejects most ids that are not in it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from indexer.storage.array_file import Array

BLOCK_IDS = 1 << 16
BITS_AN_ID = 128  # of the table: one id in 128 that is not in the set is compared with those that are
MOST_BITS = 30
MOST_BYTES = 1 << (MOST_BITS - 3)
MULTIPLIER = np.uint32(2654435769)  # 2³² / golden ratio, odd: spreads numbers that follow each other (Knuth 6.4)


class IdSet:
    """A set of ids to look others up in; takes 8 bytes an id beside the ids, and at most 128 MiB.

    >>> IdSet(np.array([7, 3])).places(np.array([5, 3, 7, 3]))
    array([1, 2, 3])
    """

    def __init__(self, ids: Array, *, block_ids: int = BLOCK_IDS, most_bits: int = MOST_BITS) -> None:
        self._ids, self._block_ids = np.sort(ids), block_ids
        bits = min(max(len(ids) * BITS_AN_ID, 2).bit_length(), most_bits)
        self._shift = np.uint32(32 - bits)
        self._table = np.zeros((1 << bits) // 8 + 1, np.uint8)  # bit h is set where an id has hash h
        for start in range(0, len(self._ids), block_ids):
            places, masks = self._places_of(self._ids[start : start + block_ids])
            np.bitwise_or.at(self._table, places, masks)

    def places(self, ids: Array) -> NDArray[np.int64]:
        """Return the places of ids, shape (n,), that are in the set: int64, shape (found,), ascending.

        The ids must be of the type of those of the set.
        """
        return np.concatenate([np.empty(0, np.int64), *self._in_blocks(ids)])

    def _in_blocks(self, ids: Array) -> Iterator[NDArray[np.int64]]:
        """Yield what `places` returns, block by block."""
        for start in range(0, len(ids) if len(self._ids) else 0, self._block_ids):
            block = ids[start : start + self._block_ids]
            places, masks = self._places_of(block)
            maybe = np.flatnonzero(self._table.take(places) & masks)
            few = block[maybe]
            same = self._ids[np.searchsorted(self._ids, few).clip(max=len(self._ids) - 1)] == few
            yield start + maybe[same]

    def _places_of(self, ids: Array) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """Return the byte of the table, and the bit in it, that each id has."""
        short = ids if ids.dtype == np.uint32 else (ids ^ (ids >> 32)).astype(np.uint32)
        hashes = (short * MULTIPLIER) >> self._shift
        return hashes >> np.uint32(3), np.uint8(1) << (hashes & np.uint32(7)).astype(np.uint8)
