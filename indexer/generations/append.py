"""Append: one more shard for each share of new rows, then one commit. What is there stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import check_array
from hashcore.codes import Codes, check_codes
from hashcore.errors import InvalidInputError
from hashcore.labels import Labels
from indexer.generations.commit import commit_shards
from indexer.generations.manifest import Manifest
from indexer.generations.newest import newest_of, on_newest, shards_with
from indexer.generations.snapshot import Snapshot
from indexer.shards.builder import build_shard, check_labelled, signed
from indexer.shards.entry import Key, ShardEntry
from indexer.structures.layout import Layout
from indexer.structures.planning import plan_layout, sample_of


def append_shard(
    snapshot: Snapshot, ids: NDArray[np.int64], codes: Codes, labels: Labels | None = None, *, threads: int = 0
) -> ShardEntry:
    """Build one more shard of an index and return its entry, which `commit_append` takes.

    Args:
        snapshot: The generation to check against.
        ids: int64, shape (n,), each once and none of an item that is in the index.
        codes: uint8, shape (n, bytes).
        labels: Labels of the rows; as the index was built, with or without.
        threads: Threads to use; 0 takes every processor this process may run on.

    Raises:
        InvalidInputError: If shapes differ, an id is there already, or labels are missing or too many.
    """
    codes = check_codes(codes, snapshot.code_length)
    ids, labels = check_ids(ids, codes), check_labelled(labels, len(codes))
    check_new(snapshot, ids, set())
    check_labels(snapshot, labels is not None)
    return build_shard(snapshot.store, ids, codes, labels, layout=layout_of(snapshot, codes), threads=threads)


def append_rows(snapshot: Snapshot, ids: NDArray[np.int64], codes: Codes, labels: Labels | None) -> Manifest:
    """Commit a generation with one more shard, and return its manifest; arguments as for `Index.append`."""
    newest = newest_of(snapshot)
    entry = append_shard(newest, ids, codes, labels)
    return _commit(newest, [entry], {"verb": "append", "rows": entry.rows})


def commit_append(snapshot: Snapshot, entries: Sequence[ShardEntry], content: str) -> Manifest:
    """Commit shards beside those of the newest generation, unless it holds the same content.

    Args:
        snapshot: The generation that the shards were built and checked against. Shards that other writers have added
            since are looked through for the same ids.
        entries: Results of `append_shard`.
        content: Name of what is appended.

    Returns:
        The manifest of the new generation, or of the newest one where it holds the content.

    Raises:
        InvalidInputError: If an item of another writer has the same id.
    """
    rows = sum(entry.rows for entry in entries)
    return _commit(snapshot, entries, {"verb": "append", "rows": rows, "codes": content})


def _commit(snapshot: Snapshot, entries: Sequence[ShardEntry], change: dict[str, Any]) -> Manifest:
    """Commit shards beside those of the newest generation, which may have others than `snapshot`."""
    looked = [(entry, {other.key for other in snapshot.shards}) for entry in entries]

    def commit(newest: Snapshot) -> Manifest:
        if change.get("codes") in newest.appended():
            return newest.manifest
        for entry, seen in looked:
            if newest.manifest.generation != snapshot.manifest.generation:
                check_labels(newest, newest.shard_of(entry).contents.has_labels)
            if any(other.key not in seen for other in _beside(newest.shards, entry)):
                check_new(newest, newest.shard_of(entry).contents.ids, seen)
        return commit_shards(newest.store, newest.manifest, [*newest.shards, *entries], change)

    return on_newest(snapshot, commit)


def check_ids(ids: Any, codes: Codes) -> NDArray[np.int64]:
    """Return ids as int64, shape (n,), one a code, (n, bytes), and each once."""
    if not len(codes):
        raise InvalidInputError("there are no codes to index; encode a corpus first")
    array = check_array(ids, "ids", (len(codes),), "iu")
    if len(array) > 1 and not (array[1:] > array[:-1]).all():
        ordered = np.sort(array)
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        if len(twice):
            raise InvalidInputError(
                f"{len(twice)} ids are there more than once, such as {twice[0]}; give each item its own id"
            )
    return signed(array)


def check_new(snapshot: Snapshot, ids: NDArray[np.int64], looked: set[Key]) -> None:
    """Raise InvalidInputError if an item of the index has one of some ids; opens only shards that may hold one.

    Args:
        snapshot: The generation to look through.
        ids: int64, shape (n,).
        looked: Shards that were looked through before, which are left out; grows.
    """
    for number in shards_with(snapshot.shards, ids):
        if snapshot.shards[number].key in looked:
            continue
        shard = snapshot.open_shard(number)
        rows = shard.contents.live.find(ids)
        if len(rows):
            taken = shard.contents.live.ids_at(rows[:1])[0]
            raise InvalidInputError(f"{len(rows)} ids are in the index already, such as {taken}; delete them first")
        looked.add(snapshot.shards[number].key)


def check_labels(snapshot: Snapshot, are_given: bool) -> None:
    """Raise InvalidInputError unless labels of the rows are given where the index has them, and only there."""
    if snapshot.shards and snapshot.open_shard(0).contents.has_labels != are_given:
        kept, given = ("without", "with") if are_given else ("with", "without")
        raise InvalidInputError(f"the index was built {kept} labels; append rows {kept}, not {given} them")


def _beside(shards: Iterable[ShardEntry], entry: ShardEntry) -> list[ShardEntry]:
    """Return the shards whose range of ids meets that of one."""
    return [other for other in shards if entry.ids is None or other.may_hold(*entry.ids)]


def layout_of(snapshot: Snapshot, codes: Codes) -> Layout:
    """Return a layout for a shard of some codes, uint8 of shape (n, bytes), sparse where the index is."""
    return plan_layout(
        sample_of(codes),
        code_length=snapshot.code_length,
        rows_per_shard=len(codes),
        kind=snapshot.kind if snapshot.manifest.layout.folds else "dense",
        signatures=bool(snapshot.manifest.layout.blocks),
    )
