"""Distributed builds and changes: a plan, a pure function for each shard, one commit. Spark, Dask or a loop maps it.

A build is `plan_layout`, `build_shard` for each share of the rows, and `commit`, all in `indexer`. Here is the same for
changes of an index that exists, and for its verification:

    append   append_shard for each share of the rows    commit_append
    delete   plan_delete, delete_from each shard        commit_delete
    compact  plan_compact, merge_shards for each group  commit_compact
    verify   verify_shard for each shard                Verified.total
             plan_shared_ids, verify_ids for each group

A task that runs twice writes the same files. A commit applies to the newest generation, whoever has made it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import check_array
from hashcore.codes import Codes, check_codes
from hashcore.labels import Labels
from indexer.generations import audit, changes, compaction
from indexer.generations.audit import AUDITED, Verified
from indexer.generations.changes import ROWS_PER_SHARD
from indexer.generations.manifest import Manifest, read_current
from indexer.generations.shared_ids import overlapping
from indexer.index import Index
from indexer.shards.builder import build_shard, check_labelled, signed
from indexer.shards.entry import ShardEntry
from indexer.storage.opening import open_store

__all__ = ["ROWS_PER_SHARD", "Marked", "Verified"]


class Marked(NamedTuple):
    """A shard in which items were deleted.

    Attributes:
        entry: Of the shard, with its new tombstones; as it was where it held none of the ids.
        ids: int64, shape (n,); those that it held.
    """

    entry: ShardEntry
    ids: NDArray[np.int64]


def current_generation(root: str | Path) -> int | None:
    """Return the number of the current generation at a root, None where there is no index.

    Raises:
        CorruptIndexError: If CURRENT is damaged.
    """
    current = read_current(open_store(root))
    return current and current.generation


def append_shard(
    index: Index, ids: NDArray[np.int64], codes: Codes, labels: Labels | None = None, *, threads: int = 0
) -> ShardEntry:
    """Build one more shard of an index and return its entry, which `commit_append` takes.

    Args:
        index: The index.
        ids: int64, shape (n,), each once and none of an item that is in the index.
        codes: uint8, shape (n, bytes).
        labels: Labels of the rows; as the index was built, with or without.
        threads: Threads to use; 0 takes every processor this process may run on.

    Raises:
        InvalidInputError: If shapes differ, an id is there already, or labels are missing or too many.
    """
    codes = check_codes(codes, index.code_length)
    ids, labels = changes.check_ids(ids, codes), check_labelled(labels, len(codes))
    changes.check_new(index.snapshot, ids, set())
    changes.check_labels(index.snapshot, labels)
    layout = changes.layout_of(index.snapshot, codes)
    return build_shard(index.store, ids, codes, labels, layout=layout, threads=threads)


def commit_append(index: Index, entries: Sequence[ShardEntry], content: str) -> Manifest:
    """Commit shards that were built of `index` beside those of the newest generation, unless it has them.

    Args:
        index: The generation that the shards were built and checked against.
        entries: Results of `append_shard`.
        content: Name of what is appended; what a generation holds by this name is not added again.

    Returns:
        The manifest of the new generation, or of the newest one where it holds the content.

    Raises:
        InvalidInputError: If an item that another writer has added since has the same id.
    """
    change = {"verb": "append", "rows": sum(entry.rows for entry in entries), "codes": content}
    return changes.commit_appended(index.snapshot, entries, change)


def plan_delete(index: Index, ids: NDArray[np.int64]) -> list[int]:
    """Return the numbers of the shards that may hold one of some ids, int64 of shape (n,)."""
    return changes.shards_with(index.shards, _ids(ids))


def delete_from(index: Index, number: int, ids: NDArray[np.int64]) -> Marked:
    """Write the tombstones of one shard; ids, int64 of shape (n,), that it does not hold are left alone."""
    live = index.open_shard(number).contents.live
    rows = live.find(_ids(ids))
    return Marked(changes.mark_rows(index.snapshot, number, rows), live.ids_at(rows))


def commit_delete(index: Index, ids: NDArray[np.int64], marked: Mapping[int, ShardEntry]) -> tuple[Manifest, int]:
    """Commit the entries of shards with new tombstones.

    Args:
        index: The generation that was looked through.
        ids: int64, shape (n,); of the items to delete.
        marked: Entries by the number of their shard; shards that other writers have added are looked through here.

    Returns:
        The manifest of the new generation and how many rows were deleted; of the newest one where none was.
    """
    found = {index.shards[number].key: entry for number, entry in marked.items()}
    return changes.commit_deleted(index.snapshot, _ids(ids), found)


def plan_compact(index: Index, rows_per_shard: int = ROWS_PER_SHARD) -> list[tuple[int, ...]]:
    """Return the shards to merge into one each, by number: those with deleted rows, and small ones together."""
    return compaction.plan_compaction(index.shards, rows_per_shard)


def merge_shards(index: Index, group: Sequence[int]) -> ShardEntry | None:
    """Build one shard of the live rows of several, and return its entry; None where no row lives."""
    return compaction.merge(index.snapshot, group)


def commit_compact(index: Index, groups: Sequence[Sequence[int]], merged: Sequence[ShardEntry | None]) -> Manifest:
    """Commit merged shards in place of those of their groups, where no other writer has changed these since.

    Raises:
        OutputError: If another writer has changed a shard of each group.
    """
    keys = [compaction.keys_of(index.snapshot, group) for group in groups]
    return compaction.commit_compacted(index.snapshot, dict(zip(keys, merged, strict=True)))


def verify_shard(index: Index, number: int, audited: int = AUDITED) -> Verified:
    """Check one shard, every byte of it, and its answers to some of its codes; return figures to add up.

    Raises:
        CorruptIndexError: Naming what differs.
    """
    return audit.verify_shard(index.snapshot, number, audited)


def plan_shared_ids(index: Index) -> list[tuple[int, ...]]:
    """Return the groups of shards that may share ids, by number."""
    return overlapping(index.shards)


def verify_ids(index: Index, group: Sequence[int]) -> None:
    """Raise CorruptIndexError if an item is in two shards of a group."""
    audit.verify_ids(index.snapshot, group)


def _ids(ids: Any) -> NDArray[np.int64]:
    """Return ids as int64 of shape (n,)."""
    return signed(check_array(ids, "ids", ("n",), "iu"))
