"""Delete: tombstones beside each shard that holds one of some ids, then one commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import check_array
from indexer.generations.commit import commit_shards
from indexer.generations.manifest import Manifest
from indexer.generations.newest import on_newest, shards_with
from indexer.generations.snapshot import Snapshot
from indexer.shards.builder import signed
from indexer.shards.entry import ShardEntry
from indexer.shards.tombstones import write_tombstones


class Marked(NamedTuple):
    """A shard in which items were deleted.

    Attributes:
        entry: Of the shard, with its new tombstones; as it was where it held none of the ids.
        ids: int64, shape (n,); those that it held.
    """

    entry: ShardEntry
    ids: NDArray[np.int64]


def delete_rows(snapshot: Snapshot, ids: NDArray[np.int64]) -> Manifest:
    """Commit a generation without the items of some ids, int64 of shape (n,), and return its manifest.

    The current generation stays, and its manifest is returned, where no id is there.
    """
    return commit_delete(snapshot, ids, {})[0]


def plan_delete(snapshot: Snapshot, ids: NDArray[np.int64]) -> list[int]:
    """Return the numbers of the shards that may hold one of some ids, int64 of shape (n,)."""
    return shards_with(snapshot.shards, _checked(ids))


def delete_from(snapshot: Snapshot, number: int, ids: NDArray[np.int64]) -> Marked:
    """Write the tombstones of one shard; ids, int64 of shape (n,), that it does not hold are left alone."""
    live = snapshot.open_shard(number).contents.live
    entry, rows = snapshot.shards[number], live.find(_checked(ids))
    if len(rows):
        entry = write_tombstones(snapshot.store, entry, live.deleted_with(rows))
    return Marked(entry, live.ids_at(rows))


def commit_delete(snapshot: Snapshot, ids: NDArray[np.int64], marked: Mapping[int, ShardEntry]) -> tuple[Manifest, int]:
    """Commit the entries of shards with new tombstones.

    Args:
        snapshot: The generation that was looked through.
        ids: int64, shape (n,); of the items to delete.
        marked: Entries by the number of their shard, as `delete_from` returned them; other shards are looked through
            here.

    Returns:
        The manifest of the new generation and how many rows were deleted; of the newest one where none was.
    """
    ids, deleted = _checked(ids), 0
    found = {snapshot.shards[number].key: entry for number, entry in marked.items()}

    def change(newest: Snapshot) -> Manifest:
        nonlocal deleted
        for number in shards_with(newest.shards, ids):
            key = newest.shards[number].key
            if key not in found:
                found[key] = delete_from(newest, number, ids).entry
        shards = [found.get(entry.key, entry) for entry in newest.shards]
        deleted = sum(new.deleted - old.deleted for new, old in zip(shards, newest.shards, strict=True))
        if not deleted:
            return newest.manifest
        return commit_shards(newest.store, newest.manifest, shards, {"verb": "delete", "rows": deleted})

    return on_newest(snapshot, change), deleted


def _checked(ids: Any) -> NDArray[np.int64]:
    """Return ids as int64 of shape (n,)."""
    return signed(check_array(ids, "ids", ("n",), "iu"))
