"""What makes one generation of another: append, delete, compact. Each has tasks, a shard each, and one commit.

The tasks are functions of their own, so that a cluster can run them: `find`, `merge`, and `build_shard`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashcore.codes import Codes, check_codes
from hashcore.errors import InvalidInputError
from hashcore.relevance import Labels
from indexer.layout import SAMPLE_CODES, Layout, plan_layout
from indexer.manifest import Manifest, ShardEntry, commit_manifest, next_generation
from indexer.shard_builder import build_shard, signed
from indexer.store import Store
from indexer.tombstones import write_tombstones

if TYPE_CHECKING:
    from indexer.index import Index
    from indexer.shard import Shard

ROWS_PER_SHARD = 64_000_000


def append_rows(index: Index, ids: NDArray[np.int64], codes: Codes, labels: Labels | None) -> Manifest:
    """Commit a generation with one more shard, and return its manifest."""
    codes = check_codes(codes, index.code_length)
    ids = check_ids(ids, codes)
    check_new(index, ids)
    check_labels(index, labels)
    entry = build_shard(index.store, ids, codes, labels, layout=layout_of(index, codes))
    return commit_shards(index.store, index.manifest, [*index.shards, entry], {"verb": "append", "rows": len(ids)})


def check_ids(ids: Any, codes: Codes) -> NDArray[np.int64]:
    """Return ids, one a code and each once."""
    array = np.asarray(ids)
    if not len(codes):
        raise InvalidInputError("there are no codes to index; encode a corpus first")
    if array.ndim != 1 or len(array) != len(codes) or array.dtype.kind not in "iu":
        raise InvalidInputError(
            f"ids: need {len(codes)} whole numbers, one a code, got {array.dtype} of shape {array.shape}"
        )
    if len(array) > 1 and not (array[1:] > array[:-1]).all():
        ordered = np.sort(array)
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        if len(twice):
            raise InvalidInputError(
                f"{len(twice)} ids are there more than once, such as {twice[0]}; give each item its own id"
            )
    return signed(array)


def check_new(index: Index, ids: NDArray[np.int64]) -> None:
    """Raise InvalidInputError if an item of the index has one of some ids; opens only shards that may hold one."""
    for number in shards_with(index.shards, ids):
        shard = index.open_shard(number)
        rows = shard.live.find(ids)
        if len(rows):
            taken = shard.live.ids_at(rows[:1])[0]
            raise InvalidInputError(f"{len(rows)} ids are in the index already, such as {taken}; delete them first")


def check_labels(index: Index, labels: Labels | None) -> None:
    """Raise InvalidInputError unless labels are given where the index has them, and not where it has none."""
    if index.shards and index.open_shard(0).has_labels != (labels is not None):
        kept, given = ("without", "with") if labels is not None else ("with", "without")
        raise InvalidInputError(f"the index was built {kept} labels; append rows {kept}, not {given} them")


def shards_with(shards: Sequence[ShardEntry], ids: NDArray[np.int64]) -> list[int]:
    """Return the numbers of the shards that may hold one of some ids."""
    if not len(ids):
        return []
    first, last = int(ids.min()), int(ids.max())
    return [number for number, entry in enumerate(shards) if entry.may_hold(first, last)]


def delete_rows(index: Index, ids: NDArray[np.int64]) -> Manifest:
    """Commit a generation without some items, and return its manifest; the current one where none of them is there."""
    wanted = np.asarray(ids)
    if wanted.dtype.kind not in "iu" and len(wanted):
        raise InvalidInputError(f"ids: need whole numbers, got {wanted.dtype}")
    wanted = signed(wanted)
    found = {number: mark_deleted(index, number, wanted) for number in shards_with(index.shards, wanted)}
    return commit_deleted(index, found)


def mark_deleted(index: Index, number: int, ids: NDArray[np.int64]) -> ShardEntry:
    """Write the tombstones of one shard, and return its entry with them; as it was where it holds none of the ids."""
    entry, shard = index.shards[number], index.open_shard(number)
    rows = shard.live.find(ids)
    return write_tombstones(index.store, entry, shard.live.deleted_with(rows)) if len(rows) else entry


def commit_deleted(index: Index, found: dict[int, ShardEntry]) -> Manifest:
    """Commit the entries of shards with new tombstones."""
    shards = [found.get(number, entry) for number, entry in enumerate(index.shards)]
    deleted = sum(new.deleted - old.deleted for new, old in zip(shards, index.shards, strict=True))
    if not deleted:
        return index.manifest
    return commit_shards(index.store, index.manifest, shards, {"verb": "delete", "rows": deleted})


def compact(index: Index, rows_per_shard: int) -> Manifest:
    """Commit a generation of merged shards, and return its manifest; the current one where nothing can be merged."""
    groups = plan_compaction(index.shards, rows_per_shard)
    return commit_compacted(index, groups, [merge(index, group) for group in groups])


def plan_compaction(shards: Sequence[ShardEntry], rows_per_shard: int = ROWS_PER_SHARD) -> list[tuple[int, ...]]:
    """Return the shards to merge into one each, by number: those with deleted rows, and small ones together.

    >>> entry = ShardEntry(digest="0" * 64, rows=10, distinct=10, bytes=0)
    >>> plan_compaction([entry.model_copy(update={"rows": rows}) for rows in (100, 20, 30, 20, 90, 40)], 100)
    [(1, 2, 3)]
    """
    if rows_per_shard < 1:
        raise InvalidInputError(f"rows_per_shard={rows_per_shard}: use 1 or more")
    groups: list[list[int]] = []
    room = 0
    for number, entry in enumerate(shards):
        if not entry.deleted and 2 * entry.live >= rows_per_shard:
            continue
        if not groups or entry.live > room:
            groups.append([])
            room = rows_per_shard
        groups[-1].append(number)
        room -= entry.live
    return [tuple(group) for group in groups if len(group) > 1 or shards[group[0]].deleted]


def merge(index: Index, group: Sequence[int]) -> ShardEntry | None:
    """Build one shard of the live rows of several, and return its entry; None where no row lives."""
    shards = [index.open_shard(number) for number in group if index.shards[number].live]
    if not shards:
        return None
    codes = np.concatenate([shard.row_codes() for shard in shards])
    ids = np.concatenate([shard.ids for shard in shards])
    return build_shard(index.store, ids, codes, _labels(shards), layout=layout_of(index, codes))


def layout_of(index: Index, codes: Codes) -> Layout:
    """Return a layout for a shard of some codes, sparse where the index is."""
    return plan_layout(
        codes[:: max(len(codes) // SAMPLE_CODES, 1)],
        code_length=index.code_length,
        rows_per_shard=len(codes),
        kind=index.kind if index.manifest.layout.folds else "dense",
        signatures=bool(index.manifest.layout.blocks),
    )


def _labels(shards: Sequence[Shard]) -> Labels | None:
    """Return the labels of all rows of some shards, or None where they have none."""
    labels = [found for shard in shards if (found := shard.labels()) is not None]
    return Labels.concatenate(labels) if labels else None


def commit_compacted(index: Index, groups: Sequence[tuple[int, ...]], merged: Sequence[ShardEntry | None]) -> Manifest:
    """Commit merged shards in place of those that they were made of."""
    gone = {number for group in groups for number in group}
    kept = [entry for number, entry in enumerate(index.shards) if number not in gone]
    shards = [*kept, *(entry for entry in merged if entry is not None)]
    if not groups or not shards:  # an index without items keeps its shards, and their tombstones
        return index.manifest
    return commit_shards(index.store, index.manifest, shards, {"verb": "compact", "shards": len(gone)})


def commit_shards(store: Store, parent: Manifest, shards: Iterable[ShardEntry], change: dict[str, Any]) -> Manifest:
    """Make shards the generation after `parent`, and return its manifest.

    Raises:
        OutputError: If another generation is current.
    """
    _, generation = next_generation(store)
    manifest = parent.successor(generation, shards, change)
    commit_manifest(store, manifest)
    return manifest
