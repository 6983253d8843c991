"""Changes that make one generation of another: append and delete. Each has tasks, a shard each, and one commit.

A change is made of the newest generation, and made again of a newer one where another writer commits first. The tasks
are functions of their own, so that a cluster can run them: `build_shard` and `mark_deleted`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import check_array
from hashcore.codes import Codes, check_codes
from hashcore.errors import InvalidInputError, LostRaceError, OutputError
from hashcore.labels import Labels
from indexer.generations.commit import commit_shards
from indexer.generations.manifest import Manifest, manifest_name, read_manifest
from indexer.generations.snapshot import Snapshot
from indexer.generations.tombstones import write_tombstones
from indexer.shards.builder import build_shard, check_labelled, signed
from indexer.shards.entry import ShardEntry
from indexer.structures.layout import Layout
from indexer.structures.planning import SAMPLE_CODES, plan_layout

ROWS_PER_SHARD = 64_000_000
TRIES = 200  # of a commit, each of which another writer has won
LONGEST_WAIT_S = 1.0

Key = tuple[str, str | None]  # of a shard's entry


def on_newest(snapshot: Snapshot, change: Callable[[Snapshot], Manifest]) -> Manifest:
    """Make a change of the newest generation of an index, anew while other writers commit first; return its manifest.

    Raises:
        OutputError: If the change does not apply to what is current, or others were first however often it tried.
    """
    newest = newest_of(snapshot)
    for attempt in range(TRIES):
        try:
            return change(newest)
        except LostRaceError:
            if attempt == TRIES - 1:
                raise
        time.sleep(random.uniform(0, min(0.01 * 2 ** min(attempt, 10), LONGEST_WAIT_S)))
        newest = _followed(newest, read_manifest(snapshot.store))
    raise AssertionError("unreachable")


def newest_of(snapshot: Snapshot) -> Snapshot:
    """Return the current generation of an index, if what was to be done to a generation can be done to that.

    Raises:
        OutputError: If the generation was vacuumed since, or another hasher's codes are current.
    """
    held, newest = snapshot.manifest, read_manifest(snapshot.store)
    if (newest.generation, newest.writer) == (held.generation, held.writer):
        return snapshot.at(held)
    if snapshot.store.size(manifest_name(held.generation)) is None:
        raise _overtaken(snapshot, f"generation {held.generation} was vacuumed")
    return _followed(snapshot, newest)


def _followed(snapshot: Snapshot, newest: Manifest) -> Snapshot:
    """Return the newest generation of an index, if it holds codes of the same nature."""
    if _nature(newest) != _nature(snapshot.manifest):
        raise _overtaken(snapshot, "its index holds codes of another kind, length or hasher")
    return snapshot.at(newest)


def _overtaken(snapshot: Snapshot, said: str) -> OutputError:
    return OutputError(
        f"{snapshot.store}: another writer committed first and {said}; open the index again and repeat the change"
    )


def _nature(manifest: Manifest) -> tuple[object, ...]:
    """Return what the codes of a generation are."""
    layout = manifest.layout
    return layout.code_length, manifest.kind, layout.folds, manifest.hasher_fingerprint


def append_rows(snapshot: Snapshot, ids: NDArray[np.int64], codes: Codes, labels: Labels | None) -> Manifest:
    """Commit a generation with one more shard, and return its manifest."""
    codes = check_codes(codes, snapshot.code_length)
    ids, labels = check_ids(ids, codes), check_labelled(labels, len(codes))
    entries: list[ShardEntry] = []
    looked: set[Key] = set()

    def change(newest: Snapshot) -> Manifest:
        check_new(newest, ids, looked)
        check_labels(newest, labels)
        if not entries:
            entries.append(build_shard(snapshot.store, ids, codes, labels, layout=layout_of(newest, codes)))
        return commit_shards(
            newest.store, newest.manifest, [*newest.shards, *entries], {"verb": "append", "rows": len(ids)}
        )

    return on_newest(snapshot, change)


def commit_appended(snapshot: Snapshot, entries: Sequence[ShardEntry], change: dict[str, Any]) -> Manifest:
    """Commit shards that were built and checked against the generation of `index`, beside those of the newest one.

    Shards that other writers have added since are looked through for the same ids. What the newest generation holds
    already, by `change["codes"]`, is not added again.

    Raises:
        InvalidInputError: If an item of another writer has the same id.
    """
    looked = {entry.key for entry in snapshot.shards}

    def commit(newest: Snapshot) -> Manifest:
        if change.get("codes") in newest.appended():
            return newest.manifest
        for entry in entries:
            if any(other.key not in looked for other in _beside(newest.shards, entry)):
                check_new(newest, newest.shard_of(entry).contents.ids, set(looked))
        return commit_shards(newest.store, newest.manifest, [*newest.shards, *entries], change)

    return on_newest(snapshot, commit)


def check_ids(ids: Any, codes: Codes) -> NDArray[np.int64]:
    """Return ids, one a code and each once."""
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
        index: What to look through.
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


def check_labels(snapshot: Snapshot, labels: Labels | None) -> None:
    """Raise InvalidInputError unless labels are given where the index has them, and not where it has none."""
    if snapshot.shards and snapshot.open_shard(0).contents.has_labels != (labels is not None):
        kept, given = ("without", "with") if labels is not None else ("with", "without")
        raise InvalidInputError(f"the index was built {kept} labels; append rows {kept}, not {given} them")


def shards_with(shards: Sequence[ShardEntry], ids: NDArray[np.int64]) -> list[int]:
    """Return the numbers of the shards that may hold one of some ids."""
    if not len(ids):
        return []
    first, last = int(ids.min()), int(ids.max())
    return [number for number, entry in enumerate(shards) if entry.may_hold(first, last)]


def _beside(shards: Iterable[ShardEntry], entry: ShardEntry) -> list[ShardEntry]:
    """Return the shards whose range of ids meets that of one."""
    return [other for other in shards if entry.ids is None or other.may_hold(*entry.ids)]


def delete_rows(snapshot: Snapshot, ids: NDArray[np.int64]) -> Manifest:
    """Commit a generation without some items, and return its manifest; the current one where none of them is there."""
    return commit_deleted(snapshot, signed(check_array(ids, "ids", ("n",), "iu")), {})[0]


def mark_deleted(snapshot: Snapshot, number: int, ids: NDArray[np.int64]) -> ShardEntry:
    """Write the tombstones of one shard, and return its entry with them; as it was where it holds none of the ids."""
    return mark_rows(snapshot, number, snapshot.open_shard(number).contents.live.find(ids))


def mark_rows(snapshot: Snapshot, number: int, rows: NDArray[np.uint32]) -> ShardEntry:
    """Write the tombstones of one shard with some more rows, and return its entry with them; as it was without rows."""
    entry, shard = snapshot.shards[number], snapshot.open_shard(number)
    return write_tombstones(snapshot.store, entry, shard.contents.live.deleted_with(rows)) if len(rows) else entry


def commit_deleted(snapshot: Snapshot, ids: NDArray[np.int64], found: Mapping[Key, ShardEntry]) -> tuple[Manifest, int]:
    """Commit the entries of shards with new tombstones.

    Args:
        index: The index.
        ids: int64, shape (n,); of the items to delete.
        found: What `mark_deleted` returned of shards, by the keys of their entries; others are looked through here.

    Returns:
        The manifest of the new generation and how many rows were deleted; of the newest one where none was.
    """
    marked, deleted = dict(found), 0

    def change(newest: Snapshot) -> Manifest:
        nonlocal deleted
        for number in shards_with(newest.shards, ids):
            key = newest.shards[number].key
            if key not in marked:
                marked[key] = mark_deleted(newest, number, ids)
        shards = [marked.get(entry.key, entry) for entry in newest.shards]
        deleted = sum(new.deleted - old.deleted for new, old in zip(shards, newest.shards, strict=True))
        if not deleted:
            return newest.manifest
        return commit_shards(newest.store, newest.manifest, shards, {"verb": "delete", "rows": deleted})

    return on_newest(snapshot, change), deleted


def layout_of(snapshot: Snapshot, codes: Codes) -> Layout:
    """Return a layout for a shard of some codes, sparse where the index is."""
    return plan_layout(
        codes[:: max(len(codes) // SAMPLE_CODES, 1)],
        code_length=snapshot.code_length,
        rows_per_shard=len(codes),
        kind=snapshot.kind if snapshot.manifest.layout.folds else "dense",
        signatures=bool(snapshot.manifest.layout.blocks),
    )
