"""Committing a generation: what it lists is looked for, then its manifest is put, then CURRENT is swapped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hashcore.errors import InvalidInputError, LostRaceError, MissingFileError, OutputError
from indexer.generations.manifest import (
    CURRENT,
    MANIFEST_NAME,
    Manifest,
    generations,
    lineage,
    manifest_name,
    read_current,
    read_manifest,
)
from indexer.shards.entry import ShardEntry
from indexer.storage.store import SHARDS, TOMBSTONES, Store


def commit_shards(
    store: Store,
    parent: Manifest,
    shards: Iterable[ShardEntry],
    change: dict[str, Any],
    vocabulary: tuple[str, ...] | None = None,
) -> Manifest:
    """Make shards the generation after `parent`, and return its manifest; `vocabulary` may add names of labels.

    Raises:
        LostRaceError: If another generation is current.
    """
    _, generation = next_generation(store)
    manifest = parent.successor(generation, shards, change, vocabulary)
    commit_manifest(store, manifest)
    return manifest


def commit_manifest(store: Store, manifest: Manifest) -> None:
    """Make a manifest the current generation: the manifest first, by put-if-absent, then CURRENT, by compare-and-swap.

    Raises:
        LostRaceError: If somebody else has committed since the parent was read; nothing of theirs is touched.
        MissingFileError: If a file that it lists is not there, or is another.
        StorageError: If the storage cannot tell two writers apart.
    """
    store.check_swaps()
    current = read_current(store)
    if (current and current.generation) != manifest.parent:
        raise _lost(store)
    check_files(store, manifest)
    if not store.put_new(manifest_name(manifest.generation), manifest.content()):
        raise _lost(store)
    # The number may be that of a generation which was current and vacuumed since CURRENT was read. If CURRENT is as it
    # was, none after it has been current, and whatever follows this number follows this manifest.
    is_first = read_current(store) == current
    line = f"{manifest.generation} {manifest.writer}\n".encode()
    if not is_first or not (store.swap(CURRENT, current and current.content, line) or _is_ancestor(store, manifest)):
        store.remove(manifest_name(manifest.generation))
        raise _lost(store)


def check_files(store: Store, manifest: Manifest) -> None:
    """Raise MissingFileError unless every file that a manifest lists is stored, as long as it says; lists two folders.

    Raises:
        InvalidInputError: If it lists a shard twice.
    """
    digests = [entry.digest for entry in manifest.shards]
    if len(set(digests)) < len(digests):
        twice = next(digest for digest in digests if digests.count(digest) > 1)
        raise InvalidInputError(f"shard {twice} is given twice; give each shard once")
    folders = (SHARDS, TOMBSTONES) if any(entry.tombstones for entry in manifest.shards) else (SHARDS,)
    stored = {entry.name: entry.bytes for folder in folders for entry in store.entries(folder)}
    expected = dict.fromkeys(manifest.files()) | {entry.name: entry.bytes for entry in manifest.shards}
    for name, size in expected.items():
        found = stored[name] if name in stored else store.size(name)  # some storages list files late
        if found is None or size not in (None, found):
            got = "no such file" if found is None else f"{found} bytes"
            raise MissingFileError(
                f"{store}/{name}: expected {'the file' if size is None else f'{size} bytes'}, got {got}; "
                f"generation {manifest.generation} is not committed: build the shard again"
            )


def next_generation(store: Store) -> tuple[int | None, int]:
    """Return the current generation (None: none yet) and the number that the next one takes.

    Raises:
        OutputError: If a reader would not take that number.
    """
    current = read_current(store)
    parent = None if current is None else current.generation
    number = max([*generations(store, parent or 0), parent or 0]) + 1
    if MANIFEST_NAME.fullmatch(manifest_name(number)) is None:
        raise OutputError(f"{store}: generation {number} would be one that no reader takes; build the index elsewhere")
    return parent, number


def _is_ancestor(store: Store, manifest: Manifest) -> bool:
    """Return whether the current generation came from a manifest, whose swap had succeeded without an answer."""
    line = lineage(store, read_manifest(store))
    return any(made.writer == manifest.writer or made.parent == manifest.generation for made in line)


def _lost(store: Store) -> LostRaceError:
    return LostRaceError(
        f"{store}: another writer committed first; its index is current and yours is not part of it: "
        "open the index again and repeat the change"
    )
