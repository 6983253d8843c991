"""Removal of what no kept generation holds. Manifests go first: none ever lists a shard that is gone."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple, SupportsIndex

from hashcore.errors import CorruptIndexError, InvalidInputError, UnknownFormatError
from indexer.generations.manifest import (
    MANIFESTS,
    generations,
    lineage,
    manifest_name,
    read_manifest,
)
from indexer.storage.store import FILE_NAME, SHARDS, TOMBSTONES, Store

USUAL_AGE_S = 7 * 24 * 3600.0
CLOCK_S = 2.0  # the coarsest clock of a storage, FAT's; Amazon's counts whole seconds


class Removed(NamedTuple):
    """Things that a vacuum removed: generations, files of shards and tombstones, their bytes, and unfinished files."""

    generations: int
    files: int
    bytes: int
    unfinished: int


def vacuum(store: Store, keep: SupportsIndex, older_than_s: float) -> Removed:
    """Remove all generations but the newest `keep`, then the files that no generation holds any more.

    A running change may still need a file that no manifest names, because equal shards share one name. Such files are
    removed only when older than `older_than_s` by the storage's clock. The same limit protects manifests newer than
    the current one. Files of foreign names, and files reached through a link, are left alone.

    Args:
        store: Where the index lives.
        keep: Generations to keep, 1 or more.
        older_than_s: In seconds, 0 or more; 0 removes files of this moment, and is safe only where nobody writes.

    Raises:
        InvalidInputError: If there is no index, or `keep` or `older_than_s` is no such number.
    """
    count, age_s = _whole(keep), _age(older_than_s)
    before_s = store.now_s() - (age_s + CLOCK_S if age_s else 0)
    written_s = {entry.name: entry.modified_s for entry in store.entries(MANIFESTS)}
    kept = list(islice(lineage(store, read_manifest(store)), count))
    held = {name for manifest in kept for name in manifest.files()}
    staying = {manifest.generation for manifest in kept}
    dropped = []
    for generation in generations(store, kept[0].generation):
        if generation in staying:
            continue
        is_young = written_s.get(manifest_name(generation), math.inf) > before_s
        if generation > kept[0].generation and is_young:
            held.update(_files(store, generation))
        else:
            dropped.append(generation)
    for generation in dropped:
        store.remove(manifest_name(generation))
    files, size = _remove_orphans(store, held, before_s)
    return Removed(len(dropped), files, size, store.remove_unfinished(before_s))


def _whole(keep: SupportsIndex) -> int:
    """Return how many generations to keep."""
    try:
        count = operator.index(keep)
    except TypeError:
        raise InvalidInputError(f"keep={keep!r}: give a whole number of generations, 1 or more") from None
    if count < 1:
        raise InvalidInputError(f"keep={count}: the current generation always stays; keep 1 or more")
    return count


def _age(older_than_s: float) -> float:
    """Return the age of files that may go, in seconds."""
    try:
        age_s = float(older_than_s)
    except (TypeError, ValueError):
        age_s = math.nan
    if not 0 <= age_s < math.inf:
        raise InvalidInputError(f"older_than_s={older_than_s!r}: give a number of seconds, 0 or more")
    return age_s


def _remove_orphans(store: Store, held: set[str], before_s: float) -> tuple[int, int]:
    """Remove files of our own names that are not held and old, and return how many, and their bytes."""
    removed = size = 0
    for folder in (SHARDS, TOMBSTONES):
        for entry in store.entries(folder):
            is_ours = FILE_NAME.fullmatch(entry.name) is not None and not entry.is_link
            if is_ours and entry.name not in held and entry.modified_s <= before_s:
                store.remove(entry.name)
                removed, size = removed + 1, size + entry.bytes
    return removed, size


def _files(store: Store, generation: int) -> Iterable[str]:
    """Return what a generation holds; nothing where its manifest is damaged, but an unknown format stops the vacuum."""
    try:
        return read_manifest(store, generation).files()
    except UnknownFormatError:
        raise
    except (CorruptIndexError, InvalidInputError):  # damaged, or removed by another vacuum
        return []
