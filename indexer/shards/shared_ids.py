"""Ids that occur more than once: an item has one row in an index, whatever its shards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.shards.entry import ShardEntry
from indexer.shards.keys import MAX_ID

IDS_AT_ONCE = 1 << 27  # 1 GiB
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ / golden ratio, odd: spreads numbers that follow each other

Ids = NDArray[np.int64]


def overlapping(shards: Sequence[ShardEntry]) -> list[tuple[int, ...]]:
    """Return the shards that may share ids, by number: groups whose ranges of ids meet, two shards or more.

    >>> entry = ShardEntry(digest="0" * 64, rows=10, distinct=10, bytes=0)
    >>> ranges = [(0, 9), (20, 29), (5, 14), (14, 15), (30, 31)]
    >>> overlapping([entry.model_copy(update={"ids": ids}) for ids in ranges])
    [(0, 2, 3)]
    """
    ranges = [entry.ids or (-MAX_ID - 1, MAX_ID) for entry in shards]
    groups: list[list[int]] = []
    end = -MAX_ID - 2
    for number in sorted((n for n, entry in enumerate(shards) if entry.live), key=lambda n: ranges[n]):
        first, last = ranges[number]
        if first > end:
            groups.append([])
        groups[-1].append(number)
        end = max(end, last)
    return [tuple(sorted(group)) for group in groups if len(group) > 1]


def shared_ids(parts: Callable[[], Iterable[Ids]], rows: int, at_once: int = IDS_AT_ONCE) -> Ids:
    """Return some ids that occur more than once in several arrays, int64 of shape (found,), ascending; or none.

    Args:
        parts: Gives the arrays, int64, shape (n,) each, one after another; called once for each `at_once` rows.
        rows: Rows of all arrays together.
        at_once: Ids that are held and put in order at a time, 8 bytes each.

    >>> shared_ids(lambda: [np.array([3, 1]), np.array([2, 3])], 4, at_once=2)
    array([3])
    """
    slices = -(-rows // at_once)
    for number in range(slices):
        ids = np.sort(np.concatenate([_slice(part, number, slices) for part in parts()]))
        twice = np.unique(ids[1:][ids[1:] == ids[:-1]])
        if len(twice):
            return twice
    return np.empty(0, np.int64)


def _slice(ids: Ids, number: int, slices: int) -> Ids:
    """Return the ids whose hash falls into one slice of several."""
    if slices == 1:
        return ids
    hashes = (ids.view(np.uint64) * MULTIPLIER) >> np.uint64(32)
    part: Ids = ids[hashes % np.uint64(slices) == number]
    return part
