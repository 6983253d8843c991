"""Removing what no generation that is kept holds. Manifests go first: none ever lists a shard that is gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from hashcore.errors import CorruptIndexError, InvalidInputError, UnknownFormatError
from indexer.manifest import (
    MANIFESTS,
    SHARDS,
    TOMBSTONES,
    Manifest,
    generations,
    lineage,
    manifest_name,
    read_manifest,
)
from indexer.store import Store

USUAL_AGE_S = 7 * 24 * 3600.0


class Removed(NamedTuple):
    """What a vacuum removed: generations, files of shards and tombstones, their bytes, and unfinished files."""

    generations: int
    files: int
    bytes: int
    unfinished: int


def vacuum(store: Store, keep: int, older_than_s: float) -> Removed:
    """Remove all generations but the newest `keep`, then the files that only they held.

    A file that no generation held may belong to a build that runs now, so it must also be older than `older_than_s` by
    the storage's clock; so must one that was written again after the last generation that held it, and a manifest that
    is newer than the current one.

    Raises:
        InvalidInputError: If there is no index, or `keep` is less than 1.
    """
    if keep < 1:
        raise InvalidInputError(f"keep={keep}: the current generation always stays; keep 1 or more")
    before_s = store.now_s() - older_than_s
    written_s = {entry.name: entry.modified_s for entry in store.entries(MANIFESTS)}
    kept = list(islice(lineage(store, read_manifest(store)), keep))
    held = {name for manifest in kept for name in files_of(manifest)}
    staying = {manifest.generation for manifest in kept}
    dropped_s: dict[str, float] = {}  # by file: when the last dropped generation that held it was written
    dropped = []
    for generation in generations(store):
        modified_s = written_s.get(manifest_name(generation), before_s + 1)
        if generation in staying:
            continue
        if generation > kept[0].generation and modified_s > before_s:
            held.update(_files(store, generation))
            continue
        dropped.append(generation)
        dropped_s |= {name: max(modified_s, dropped_s.get(name, 0)) for name in _files(store, generation)}
    for generation in dropped:
        store.remove(manifest_name(generation))
    orphans = [
        entry
        for folder in (SHARDS, TOMBSTONES)
        for entry in store.entries(folder)
        if entry.name not in held and entry.modified_s <= max(before_s, dropped_s.get(entry.name, before_s))
    ]
    for entry in orphans:
        store.remove(entry.name)
    size = sum(entry.bytes for entry in orphans)
    return Removed(len(dropped), len(orphans), size, store.remove_unfinished(before_s))


def files_of(manifest: Manifest) -> Iterator[str]:
    """Yield the names of the files that a generation holds."""
    for shard in manifest.shards:
        yield shard.name
        if shard.tombstones_name is not None:
            yield shard.tombstones_name


def _files(store: Store, generation: int) -> Iterable[str]:
    """Return what a generation holds; nothing where its manifest is damaged, but an unknown format stops the vacuum."""
    try:
        return list(files_of(read_manifest(store, generation)))
    except UnknownFormatError:
        raise
    except CorruptIndexError:
        return []
