"""Compaction: small shards merged, deleted rows dropped. Its tasks are groups of shards, a merged shard each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hashcore.arguments import check_whole
from hashcore.errors import OutputError
from hashcore.labels import Labels
from indexer.generations.append import layout_of
from indexer.generations.commit import commit_shards
from indexer.generations.manifest import Manifest
from indexer.generations.newest import on_newest
from indexer.generations.snapshot import Snapshot
from indexer.search.shard import Shard
from indexer.shards.builder import ROWS_PER_SHARD, build_shard
from indexer.shards.entry import Key, ShardEntry
from indexer.shards.keys import Ids

Merged = Mapping[tuple[Key, ...], ShardEntry | None]  # by the shards that it is made of; None: no row lives


def compact(snapshot: Snapshot, rows_per_shard: int) -> Manifest:
    """Commit a generation of merged shards, and return its manifest; the newest one where nothing can be merged."""
    merged: dict[tuple[Key, ...], ShardEntry | None] = {}

    def change(newest: Snapshot) -> Manifest:
        groups = {_keys(newest, group): group for group in plan_compact(newest, rows_per_shard)}
        merged.update({keys: merge_shards(newest, group) for keys, group in groups.items() if keys not in merged})
        return _replace(newest, {keys: merged[keys] for keys in groups})

    return on_newest(snapshot, change)


def plan_compact(snapshot: Snapshot, rows_per_shard: int = ROWS_PER_SHARD) -> list[tuple[int, ...]]:
    """Return the shards to merge into one each, by number: those with deleted rows, and small ones together."""
    return groups_to_merge(snapshot.shards, rows_per_shard)


def groups_to_merge(shards: Sequence[ShardEntry], rows_per_shard: int) -> list[tuple[int, ...]]:
    """Return the shards to merge, as `plan_compact` does.

    >>> entry = ShardEntry(digest="0" * 64, rows=10, distinct=10, bytes=0)
    >>> groups_to_merge([entry.model_copy(update={"rows": rows}) for rows in (100, 20, 30, 20, 90, 40)], 100)
    [(1, 2, 3)]
    """
    rows_per_shard = check_whole(rows_per_shard, "rows_per_shard", 1)
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


def merge_shards(snapshot: Snapshot, group: Sequence[int]) -> ShardEntry | None:
    """Build one shard of the live rows of several, and return its entry; None where no row lives.

    Shards are opened one after another, so any number of them can be merged.
    """
    parts = [_rows(snapshot.open_shard(number)) for number in group if snapshot.shards[number].live]
    if not parts:
        return None
    codes, ids = np.concatenate([codes for codes, _, _ in parts]), _joined([ids for _, ids, _ in parts])
    labels = [found for _, _, found in parts if found is not None]
    joined, layout = Labels.concatenate(labels) if labels else None, layout_of(snapshot, codes)
    return build_shard(snapshot.store, ids, codes, joined, layout=layout, keys=snapshot.key_spec)


def _joined(ids: Sequence[Ids]) -> Ids:
    """Return the ids, or keys, of several shards."""
    import pyarrow as pa

    return np.concatenate(ids) if isinstance(ids[0], np.ndarray) else pa.concat_arrays(ids)


def commit_compact(
    snapshot: Snapshot, groups: Sequence[Sequence[int]], merged: Sequence[ShardEntry | None]
) -> Manifest:
    """Commit merged shards in place of those of their groups, which others may not have changed since.

    Raises:
        OutputError: If another writer has changed a shard of each group.
    """
    made = {_keys(snapshot, group): entry for group, entry in zip(groups, merged, strict=True)}

    def change(newest: Snapshot) -> Manifest:
        present = {entry.key for entry in newest.shards}
        usable = {keys: entry for keys, entry in made.items() if present.issuperset(keys)}
        if made and not usable:
            raise OutputError(
                f"{newest.store}: another writer committed first and changed all shards that were merged; "
                "open the index again and repeat the change"
            )
        return _replace(newest, usable)

    return on_newest(snapshot, change)


def _replace(snapshot: Snapshot, merged: Merged) -> Manifest:
    """Commit merged shards in place of those that they were made of; the same generation where there are none."""
    gone = {key for keys in merged for key in keys}
    kept = [entry for entry in snapshot.shards if entry.key not in gone]
    shards = [*kept, *(entry for entry in merged.values() if entry is not None)]
    if not merged or not shards:  # an index without items keeps its shards, and their tombstones
        return snapshot.manifest
    return commit_shards(snapshot.store, snapshot.manifest, shards, {"verb": "compact", "shards": len(gone)})


def _keys(snapshot: Snapshot, group: Sequence[int]) -> tuple[Key, ...]:
    """Return the keys of some shards."""
    return tuple(snapshot.shards[number].key for number in group)


def _rows(shard: Shard) -> tuple[np.ndarray, Ids, Labels | None]:
    """Return codes, ids or keys, and labels of a shard's rows, none of them a view of its file."""
    contents, labels = shard.contents, shard.contents.labels()
    copied = None if labels is None else Labels(np.array(labels.offsets), np.array(labels.values))
    return contents.row_codes(), contents.ids if contents.key_spec is None else contents.keys(), copied
