"""Append: one more shard for each share of new rows, then one commit. What is there stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hashcore.arguments import check_array
from hashcore.codes import Codes, check_codes
from hashcore.errors import InvalidInputError, OutputError, brief
from hashcore.labels import Labels
from indexer.generations.commit import commit_shards
from indexer.generations.manifest import Manifest
from indexer.generations.newest import newest_of, on_newest, shards_with
from indexer.generations.snapshot import Snapshot
from indexer.search.shard import Shard
from indexer.shards.builder import build_shard, check_labelled
from indexer.shards.entry import Key, ShardEntry
from indexer.shards.keys import Ids, Items, items_of, shared_key
from indexer.structures.layout import Layout
from indexer.structures.planning import plan_layout, sample_of


def append_shard(
    snapshot: Snapshot, ids: Ids, codes: Codes, labels: Labels | None = None, *, threads: int = 0
) -> ShardEntry:
    """Build one more shard of an index and return its entry, which `commit_append` takes.

    Args:
        snapshot: The generation to check against.
        ids: int64, shape (n,), or keys; each once and none of an item that is in the index.
        codes: uint8, shape (n, bytes).
        labels: Labels of the rows; as the index was built, with or without.
        threads: Threads to use; 0 takes every processor this process may run on.

    Raises:
        InvalidInputError: If shapes differ, an id is there already, or labels are missing or too many.
    """
    codes = check_codes(codes, snapshot.code_length)
    items, labels = check_ids(items_of(ids, snapshot.key_spec), codes), check_labelled(labels, len(codes))
    check_new(snapshot, items, set())
    check_labels(snapshot, labels is not None)
    layout, given = layout_of(snapshot, codes), items.ids if items.keys is None else items.keys
    return build_shard(snapshot.store, given, codes, labels, layout=layout, keys=snapshot.key_spec, threads=threads)


def append_rows(snapshot: Snapshot, ids: Ids, codes: Codes, labels: Labels | None) -> Manifest:
    """Commit a generation with one more shard, and return its manifest; arguments as for `Index.append`."""
    newest = newest_of(snapshot)
    entry = append_shard(newest, ids, codes, labels)
    return _commit(newest, [entry], {"verb": "append", "rows": entry.rows})


def commit_append(
    snapshot: Snapshot, entries: Sequence[ShardEntry], content: str, vocabulary: tuple[str, ...] | None = None
) -> Manifest:
    """Commit shards beside those of the newest generation, unless it holds the same content.

    Args:
        snapshot: The generation that the shards were built and checked against. Shards that other writers have added
            since are looked through for the same ids.
        entries: Results of `append_shard`.
        content: Name of what is appended.
        vocabulary: Names of the labels of the entries: those of the generation, and perhaps more.

    Returns:
        The manifest of the new generation, or of the newest one where it holds the content.

    Raises:
        InvalidInputError: If an item of another writer has the same id.
        OutputError: If another writer has added other names of labels.
    """
    rows = sum(entry.rows for entry in entries)
    return _commit(snapshot, entries, {"verb": "append", "rows": rows, "codes": content}, vocabulary)


def _commit(
    snapshot: Snapshot,
    entries: Sequence[ShardEntry],
    change: dict[str, Any],
    vocabulary: tuple[str, ...] | None = None,
) -> Manifest:
    """Commit shards beside those of the newest generation, which may have others than `snapshot`."""
    looked = [(entry, {other.key for other in snapshot.shards}) for entry in entries]

    def commit(newest: Snapshot) -> Manifest:
        if change.get("codes") in newest.appended():
            return newest.manifest
        for entry, seen in looked:
            if newest.manifest.generation != snapshot.manifest.generation:
                check_labels(newest, newest.shard_of(entry).contents.has_labels)
            if any(other.key not in seen for other in _beside(newest.shards, entry)):
                check_new(newest, _items_in(newest.shard_of(entry)), seen)
        names = _extended(newest, vocabulary)
        return commit_shards(newest.store, newest.manifest, [*newest.shards, *entries], change, names)

    return on_newest(snapshot, commit)


def _extended(newest: Snapshot, vocabulary: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return the names of labels of the newest generation and of what is appended, whose numbers stay as they are."""
    known, added = newest.manifest.vocabulary or (), vocabulary or ()
    longer, shorter = (known, added) if len(known) > len(added) else (added, known)
    if longer[: len(shorter)] != shorter:
        raise OutputError(
            f"{newest.store}: another writer committed first and added other names of labels; repeat the change"
        )
    return longer or None


def _items_in(shard: Shard) -> Items:
    """Return the ids, and the keys, of all items of a shard."""
    contents = shard.contents
    if contents.key_spec is None:
        return Items(contents.ids, None)
    return Items(contents.ids, contents.keys())


def check_ids(items: Items, codes: Codes) -> Items:
    """Return items that have an id, int64 of shape (n,), for each code, (n, bytes), and each another."""
    if not len(codes):
        raise InvalidInputError("there are no codes to index; encode a corpus first")
    array = check_array(items.ids, "ids", (len(codes),), "iu")
    if len(array) > 1 and not (array[1:] > array[:-1]).all():
        ordered = np.sort(array)
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        if len(twice) and items.keys is not None:
            raise _shared(items)
        if len(twice):
            raise InvalidInputError(
                f"{len(twice)} ids are there more than once, such as {twice[0]}; give each item its own id"
            )
    return items


def _shared(items: Items) -> InvalidInputError:
    """Return the error of items two of which have one id."""
    shared = shared_key(items.ids, items.keys)
    if shared is not None and not shared.is_twice:
        return collision(shared.key)
    return InvalidInputError(
        f"keys are there more than once, such as {brief(shared and shared.key)}; give each item its own key"
    )


def collision(key: Any) -> InvalidInputError:
    """Return the error of a key that has the hash of another."""
    return InvalidInputError(
        f"the key {brief(key)} has the 64-bit hash of another one; build the index anew of all items, which takes "
        "another seed"
    )


def check_new(snapshot: Snapshot, items: Items, looked: set[Key]) -> None:
    """Raise InvalidInputError if an item of the index has one of some ids; opens only shards that may hold one.

    Args:
        snapshot: The generation to look through.
        items: Their ids, int64 of shape (n,), and keys.
        looked: Shards that were looked through before, which are left out; grows.
    """
    for number in shards_with(snapshot.shards, items.ids):
        if snapshot.shards[number].key in looked:
            continue
        contents = snapshot.open_shard(number).contents
        places, rows = contents.find(items.ids)
        if len(rows):
            taken: object = items.ids[places[0]]
            if items.keys is not None:
                taken = items.keys[places[0]].as_py()
                if contents.keys_at(rows[:1])[0].as_py() != taken:
                    raise collision(taken)
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
