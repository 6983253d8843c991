"""Opening a shard by its entry of a manifest, from wherever it is stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import CorruptIndexError
from indexer.search.shard import Shard
from indexer.shards.contents import ShardContents
from indexer.shards.entry import ShardEntry
from indexer.shards.keys import KeySpec
from indexer.shards.tombstones import read_tombstones
from indexer.storage.store import Store
from indexer.structures.layout import Layout

T = TypeVar("T")


def open_entry(
    store: Store, entry: ShardEntry, layout: Layout, keys: KeySpec | None = None, *, verify: bool = False
) -> Shard:
    """Open the shard that an entry of an index with some layout lists, less its deleted rows.

    Args:
        store: Where the index lives.
        entry: The shard's.
        layout: The index's.
        keys: How keys of the index became ids, None where these are numbers.
        verify: Whether every byte is read and compared with its digest, however large the shard is.

    Raises:
        CorruptIndexError: If it is missing or damaged, or is not what the entry says.
    """
    deleted = _deleted(store, entry)

    def opened(path: Path) -> Shard:
        shard = Shard(path, entry.digest, deleted)
        if verify:
            shard.contents.verify()
        return shard

    shard = _read(store, entry.name, opened, lambda copy: ShardContents(copy, entry.digest).check())
    said = (entry.rows, entry.distinct, entry.bytes, layout.code_length)
    contents = shard.contents
    held = (contents.stored_rows, contents.stored_distinct, contents.file.size, contents.layout.code_length)
    if said != held:
        raise CorruptIndexError(
            f"{store}/{entry.name}: the manifest says rows, distinct codes, bytes, code length {said}, the shard holds "
            f"{held}; restore the manifest"
        )
    if contents.key_spec != keys:
        said_of, held_of = ("numbers" if spec is None else f"hashes of {spec}" for spec in (keys, contents.key_spec))
        raise CorruptIndexError(
            f"{store}/{entry.name}: the manifest says ids that are {said_of}, the shard holds {held_of}; restore the "
            "manifest"
        )
    return shard


def _read(store: Store, name: str, read: Callable[[Path], T], check: Callable[[Path], object]) -> T:
    """Return what a reader makes of a stored file; a copy on this machine that is damaged is made anew, once."""
    try:
        with store.local_file(name, check) as path:
            return read(path)
    except CorruptIndexError:
        if not store.discard(name):
            raise
    with store.local_file(name, check) as path:
        try:
            return read(path)
        except CorruptIndexError as error:  # so is what it was copied from
            raise type(error)(str(error).replace(str(path), f"{store}/{name}")) from None


def _deleted(store: Store, entry: ShardEntry) -> NDArray[np.uint32] | None:
    """Return the numbers of a shard's deleted rows, None where there are none."""
    if entry.tombstones_name is None:
        return None
    return _read(
        store,
        entry.tombstones_name,
        lambda path: read_tombstones(path, entry).copy(),
        lambda copy: read_tombstones(copy, entry),
    )
