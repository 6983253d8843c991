"""Opening a shard by its entry of a manifest, from wherever it is stored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import CorruptIndexError
from indexer.layout import Layout
from indexer.manifest import ShardEntry
from indexer.shard import Shard
from indexer.sparse_shard import SparseShard
from indexer.store import Store
from indexer.tombstones import read_tombstones


def open_entry(store: Store, entry: ShardEntry, layout: Layout) -> Shard:
    """Open the shard that an entry of an index with some layout lists, less its deleted rows.

    Raises:
        CorruptIndexError: If it is missing or damaged, or is not what the entry says.
    """
    deleted, of_kind = _deleted(store, entry), SparseShard if layout.folds else Shard
    with store.local_file(entry.name, lambda copy: of_kind(copy, entry.digest).verify()) as path:
        shard = of_kind(path, entry.digest, deleted=deleted)
        said = (entry.rows, entry.distinct, entry.bytes, layout.code_length)
        held = (shard.stored_rows, shard.stored_distinct, shard.file.size, shard.layout.code_length)
    if said != held:
        raise CorruptIndexError(
            f"{store}/{entry.name}: the manifest says rows, distinct codes, bytes, code length {said}, the shard holds "
            f"{held}; restore the manifest"
        )
    return shard


def _deleted(store: Store, entry: ShardEntry) -> NDArray[np.uint32] | None:
    """Return the numbers of a shard's deleted rows, None where there are none."""
    if entry.tombstones_name is None:
        return None
    with store.local_file(entry.tombstones_name, lambda copy: read_tombstones(copy, entry)) as path:
        return read_tombstones(path, entry).copy()
