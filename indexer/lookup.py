"""Looking items up by their ids or keys in the shards of a generation, and in those that came before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashcore.codes import Codes, code_bytes
from hashcore.columns.ids import to_column
from hashcore.errors import InvalidInputError, brief
from hashcore.labels import Labels
from indexer.generations.manifest import lineage
from indexer.generations.newest import shards_with
from indexer.generations.snapshot import Snapshot
from indexer.shards.contents import ShardContents
from indexer.shards.keys import Ids, Items, items_of

if TYPE_CHECKING:
    import pyarrow as pa

Found = tuple[ShardContents, NDArray[np.int64], NDArray[np.uint32]]  # places among the items asked for, rows


def contains(snapshot: Snapshot, ids: Ids) -> NDArray[np.bool_]:
    """Return whether each of some ids, int64 of shape (n,), or keys is in a generation; bool, shape (n,)."""
    items = _asked(snapshot, ids)
    held = np.zeros(len(items.ids), bool)
    for _, places, _ in _found(snapshot, items):
        held[places] = True
    return held


def keys(snapshot: Snapshot, ids: NDArray[np.int64]) -> pa.Array:
    """Return the key of each item of some ids, int64 of shape (n,): string or binary, null where there is no such item.

    Where ids are numbers, they are returned.
    """
    import pyarrow as pa

    items = items_of(ids, None)
    if snapshot.key_spec is None:
        return pa.array(items.ids)
    names, inverse = np.unique(items.ids, return_inverse=True)
    parts, places = [], []
    for contents, found, rows in _found(snapshot, Items(names, None)):
        parts.append(contents.keys_at(rows))
        places.append(found)
    kind = pa.large_string() if snapshot.key_spec.type == "string" else pa.large_binary()
    held = pa.concat_arrays([pa.nulls(1, kind), *parts])
    at = np.zeros(len(names), np.int64)  # of each name among those held; 0 is null
    at[np.concatenate([np.empty(0, np.int64), *places])] = np.arange(1, len(held))
    return to_column(held.take(at[inverse]))


def codes(snapshot: Snapshot, ids: Ids) -> Codes:
    """Return the codes of items of some ids, int64 of shape (n,), or keys: uint8, shape (n, bytes).

    Raises:
        InvalidInputError: If one is not there.
    """
    items = _asked(snapshot, ids)
    found = np.empty((len(items.ids), code_bytes(snapshot.code_length)), np.uint8)
    for contents, places, rows in _all_found(snapshot, items):
        found[places] = contents.codes_of(rows)
    return found


def labels(snapshot: Snapshot, ids: Ids) -> Labels | None:
    """Return the labels of items of some ids, int64 of shape (n,), or keys; None where the index has none.

    Raises:
        InvalidInputError: If one is not there.
    """
    items = _asked(snapshot, ids)
    parts, found = [], [np.empty(0, np.int64)]
    for contents, places, rows in _all_found(snapshot, items):
        stored = contents.labels_at(rows)
        if stored is None:
            return None
        parts.append(stored)
        found.append(places)
    return Labels.concatenate(parts).take(np.argsort(np.concatenate(found)))


def deleted_in(snapshot: Snapshot, ids: Ids) -> NDArray[np.int64]:
    """Return the generation in which each of some items was deleted, as far back as generations are kept.

    Args:
        snapshot: The generation that is looked at first.
        ids: int64 of shape (n,), or keys.

    Returns:
        int64, shape (n,); 0 for an item that is there, or was in no generation that is kept.
    """
    after = snapshot.manifest.generation
    found = np.where(contains(snapshot, ids), 0, -1)
    for manifest in lineage(snapshot.store, snapshot.manifest):
        if not (found < 0).any():
            break
        found[contains(snapshot.at(manifest), ids) & (found < 0)] = after
        after = manifest.generation
    return np.maximum(found, 0)


def _asked(snapshot: Snapshot, ids: Ids) -> Items:
    """Return what is asked for; numbers are ids, also of an index with keys."""
    if snapshot.key_spec is not None and isinstance(ids, np.ndarray) and ids.dtype.kind in "iu":
        return items_of(ids, None)
    return items_of(ids, snapshot.key_spec)


def _all_found(snapshot: Snapshot, items: Items) -> Iterator[Found]:
    """Yield what `_found` does, and raise InvalidInputError at the end if an item was not there."""
    held = np.zeros(len(items.ids), bool)
    for contents, places, rows in _found(snapshot, items):
        held[places] = True
        yield contents, places, rows
    if not held.all():
        first = int(np.argmin(held))
        named = items.ids[first] if items.keys is None else brief(items.keys[first].as_py())
        raise InvalidInputError(
            f"{(~held).sum()} of {len(held)} items are not in generation {snapshot.manifest.generation} of "
            f"{snapshot.store}, such as {named}; ask `contains` first"
        )


def _found(snapshot: Snapshot, items: Items) -> Iterator[Found]:
    """Yield each shard that has some of the items, the places of these among them, and their rows in its file."""
    import pyarrow.compute as pc

    ids, inverse = np.unique(items.ids, return_inverse=True)
    order, starts = np.argsort(inverse, kind="stable"), np.searchsorted(np.sort(inverse), np.arange(len(ids) + 1))
    missing = np.arange(len(ids))  # an id that is found is looked for no more: no other shard has it
    for number in shards_with(snapshot.shards, ids):
        contents = snapshot.open_shard(number).contents
        at, rows = contents.find(ids[missing])
        at, missing = missing[at], np.delete(missing, at)
        counts = starts[at + 1] - starts[at]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        places, rows = order[np.repeat(starts[at], counts) + within], np.repeat(rows, counts)
        if items.keys is not None:
            same = np.asarray(pc.equal(contents.keys_at(rows), items.keys.take(places)))
            places, rows = places[same], rows[same]
        if len(places):
            yield contents, places, rows
        if not len(missing):
            return
