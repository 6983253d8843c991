"""The rows of a shard that are deleted, as an immutable file beside it, named by its content as shards are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import CorruptIndexError
from indexer.shards.entry import ShardEntry
from indexer.storage.array_file import ArrayFile, write_array_file
from indexer.storage.store import Store

FORMAT = "hashcore-tombstones"


def write_tombstones(store: Store, entry: ShardEntry, rows: NDArray[np.uint32]) -> ShardEntry:
    """Write the numbers of a shard's deleted rows, and return its entry with them.

    Args:
        store: Where to.
        entry: The shard.
        rows: Their numbers in the shard's file, uint32, shape (deleted,), ascending, each once; earlier ones included.
    """
    path = store.new_file()
    try:
        digest = write_array_file(path, {"rows": rows}, {"shard": entry.digest}, FORMAT)
        marked = entry.model_copy(update={"tombstones": digest, "deleted": len(rows)})
        assert marked.tombstones_name is not None
        store.add_file(path, marked.tombstones_name)
    finally:
        path.unlink(missing_ok=True)
    return marked


def read_tombstones(path: Path, entry: ShardEntry) -> NDArray[np.uint32]:
    """Return the numbers of a shard's deleted rows, uint32 of shape (deleted,), ascending, checked.

    Raises:
        CorruptIndexError: If the file is damaged, or belongs to another shard.
    """
    file = ArrayFile(path, entry.tombstones, FORMAT)
    file.check_facts("shard")
    file.refuse_others({"rows"})
    file.verify()
    rows: NDArray[np.uint32] = file.array("rows", np.uint32, (entry.deleted,))
    if (rows[1:] <= rows[:-1]).any() or rows.max(initial=0) >= entry.rows or file.facts.get("shard") != entry.digest:
        raise CorruptIndexError(f"{path}: expected rising rows of shard {entry.digest}; restore the file")
    return rows
