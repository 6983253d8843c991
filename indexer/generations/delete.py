"""Delete: tombstones beside each shard that holds one of some ids, then one commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.generations.commit import commit_shards
from indexer.generations.manifest import Manifest
from indexer.generations.newest import on_newest, shards_with
from indexer.generations.snapshot import Snapshot
from indexer.shards.contents import ShardContents
from indexer.shards.entry import ShardEntry
from indexer.shards.keys import Ids, Items, items_of
from indexer.shards.tombstones import write_tombstones


class Marked(NamedTuple):
    """A shard in which items were deleted.

    Attributes:
        entry: Of the shard, with its new tombstones; as it was where it held none of the ids.
        ids: Those that it held, int64 of shape (n,), or keys.
    """

    entry: ShardEntry
    ids: Ids


def delete_rows(snapshot: Snapshot, ids: Ids) -> Manifest:
    """Commit a generation without the items of some ids, int64 of shape (n,), or keys, and return its manifest.

    The current generation stays, and its manifest is returned, where no id is there.
    """
    return commit_delete(snapshot, ids, {})[0]


def plan_delete(snapshot: Snapshot, ids: Ids) -> list[int]:
    """Return the numbers of the shards that may hold one of some ids, int64 of shape (n,), or keys."""
    return shards_with(snapshot.shards, items_of(ids, snapshot.key_spec).ids)


def delete_from(snapshot: Snapshot, number: int, ids: Ids) -> Marked:
    """Write the tombstones of one shard; ids, int64 of shape (n,), or keys that it does not hold are left alone."""
    contents, entry = snapshot.open_shard(number).contents, snapshot.shards[number]
    rows, held = _held(contents, items_of(ids, snapshot.key_spec))
    if len(rows):
        entry = write_tombstones(snapshot.store, entry, contents.live.deleted_with(rows))
    return Marked(entry, held)


def _held(contents: ShardContents, items: Items) -> tuple[NDArray[np.uint32], Ids]:
    """Return the numbers in the file of a shard's rows with some ids, ascending, and the ids or keys of these rows."""
    import pyarrow.compute as pc

    if items.keys is None:
        rows = contents.live.find(items.ids)
        return rows, contents.live.ids_at(rows)
    ids, first = np.unique(items.ids, return_index=True)
    places, rows = contents.find(ids)
    keys = items.keys.take(first[places])
    same = np.asarray(pc.equal(contents.keys_at(rows), keys))
    return np.sort(rows[same]), keys.filter(same)


def commit_delete(snapshot: Snapshot, ids: Ids, marked: Mapping[int, ShardEntry]) -> tuple[Manifest, int]:
    """Commit the entries of shards with new tombstones.

    Args:
        snapshot: The generation that was looked through.
        ids: Of the items to delete, int64 of shape (n,), or keys.
        marked: Entries by the number of their shard, as `delete_from` returned them; other shards are looked through
            here.

    Returns:
        The manifest of the new generation and how many rows were deleted; of the newest one where none was.
    """
    numbers, deleted = items_of(ids, snapshot.key_spec).ids, 0
    found = {snapshot.shards[number].key: entry for number, entry in marked.items()}

    def change(newest: Snapshot) -> Manifest:
        nonlocal deleted
        for number in shards_with(newest.shards, numbers):
            key = newest.shards[number].key
            if key not in found:
                found[key] = delete_from(newest, number, ids).entry
        shards = [found.get(entry.key, entry) for entry in newest.shards]
        deleted = sum(new.deleted - old.deleted for new, old in zip(shards, newest.shards, strict=True))
        if not deleted:
            return newest.manifest
        return commit_shards(newest.store, newest.manifest, shards, {"verb": "delete", "rows": deleted})

    return on_newest(snapshot, change), deleted
