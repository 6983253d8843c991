"""Inspect and verify an index: contents, checksums, structure, and sample answers against a linear scan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from hashcore import codes as packed
from hashcore.arguments import check_whole
from hashcore.codes import Codes
from hashcore.errors import CorruptIndexError
from indexer.generations.manifest import generations
from indexer.generations.snapshot import Snapshot
from indexer.search.shard import Shard
from indexer.shards.entry import ShardEntry
from indexer.shards.shared_ids import overlapping

AUDITED = 16
NEAREST = 10
MOST_NEIGHBORS = 100_000  # of one audited query


@dataclass(frozen=True)
class Verified:
    """Figures of a verification that has found no difference.

    Attributes:
        shards: Files.
        rows: Items that are not deleted.
        bytes: Compared with their digests.
        queries: Stored codes whose answers were held against a linear scan.
    """

    shards: int
    rows: int
    bytes: int
    queries: int

    @staticmethod
    def total(parts: Iterable[Verified]) -> Verified:
        """Add up figures."""
        return Verified(*(sum(figures) for figures in zip(*map(astuple, parts), strict=True)))


@dataclass(frozen=True)
class Inspection:
    """Contents of an index, by its manifests alone.

    Attributes:
        root: Where it lives.
        generation: The one that was opened.
        generations: All whose manifests are there.
        kind: Of the codes.
        code_length: In bits.
        rows: Items.
        deleted: Rows that are deleted but still take room.
        bytes: Of all shards.
        files: Shards and lists of tombstones.
        shards: As the manifest lists them.
        hasher_fingerprint: Of the hasher that made the codes, if it is known.
        provenance: What made this generation.
    """

    root: str
    generation: int
    generations: tuple[int, ...]
    kind: str
    code_length: int
    rows: int
    deleted: int
    bytes: int
    files: int
    shards: tuple[ShardEntry, ...]
    hasher_fingerprint: str | None
    provenance: dict[str, Any]


def inspect(snapshot: Snapshot) -> Inspection:
    """Return what an index holds."""
    manifest = snapshot.manifest
    return Inspection(
        root=str(snapshot.store),
        generation=manifest.generation,
        generations=tuple(generations(snapshot.store, manifest.generation)),
        kind=manifest.kind,
        code_length=snapshot.code_length,
        rows=manifest.rows,
        deleted=sum(entry.deleted for entry in snapshot.shards),
        bytes=sum(entry.bytes for entry in snapshot.shards),
        files=len(set(manifest.files())),
        shards=snapshot.shards,
        hasher_fingerprint=manifest.hasher_fingerprint,
        provenance=manifest.provenance,
    )


def verify(snapshot: Snapshot, audited: int) -> Verified:
    """Check every shard of an index."""
    audited = check_whole(audited, "audited", 0)
    parts = [verify_shard(snapshot, number, audited) for number in range(len(snapshot.shards))]
    for group in plan_shared_ids(snapshot):
        verify_ids(snapshot, group)
    return Verified.total(parts)


def verify_shard(snapshot: Snapshot, number: int, audited: int = AUDITED) -> Verified:
    """Check one shard, and return its figures of `Verified`: the task of a distributed verification.

    Raises:
        CorruptIndexError: Naming what differs.
    """
    shard, entry = snapshot.stored_shard(number), snapshot.shards[number]
    _check_range(shard, entry)
    stored = shard.contents.codes()
    spread = np.linspace(0, len(stored) - 1, min(audited, len(stored))).astype(int)
    queries = stored[np.unique(spread)]
    _audit(shard, queries)
    return Verified(1, entry.live, entry.bytes, len(queries))


def plan_shared_ids(snapshot: Snapshot) -> list[tuple[int, ...]]:
    """Return the groups of shards that may share ids, by number."""
    return overlapping(snapshot.shards)


def verify_ids(snapshot: Snapshot, group: Sequence[int]) -> None:
    """Raise CorruptIndexError if an item is in two shards of a group: the second kind of task of a verification."""
    twice = snapshot.shared_ids(group)
    if len(twice):
        raise CorruptIndexError(
            f"{snapshot.store}: {len(twice)} ids or more are in two shards, such as {twice[0]}; delete them and "
            "append them again, each once"
        )


def _check_range(shard: Shard, entry: ShardEntry) -> None:
    """Raise CorruptIndexError unless the ids of a shard lie in the range that its manifest says."""
    ids = shard.contents.ids
    if entry.ids is None or not len(ids):
        return
    held = int(ids.min()), int(ids.max())
    is_whole = not entry.deleted
    if held != entry.ids if is_whole else not entry.ids[0] <= held[0] <= held[1] <= entry.ids[1]:
        raise CorruptIndexError(
            f"{shard.contents.file.path}: expected ids {entry.ids[0]}..{entry.ids[1]} by the manifest, "
            f"got {held[0]}..{held[1]}; restore the manifest"
        )


def _audit(shard: Shard, queries: Codes) -> None:
    """Compare a shard's answers with the counts of a scan over all codes, and each neighbor with its stored code."""
    counts, _ = shard.contents.distance_histograms(queries)
    within = np.cumsum(counts, axis=1)
    k = min(NEAREST, max(shard.contents.rows, 1))
    nearest = shard.knn_search(queries, k)
    for number, query in enumerate(queries):
        expected = np.repeat(np.arange(counts.shape[1]), counts[number].clip(max=k))[:k]
        if not np.array_equal(nearest.of(number)[1], expected):
            raise _wrong(shard, f"its nearest {k} at distances {expected.tolist()}", nearest.of(number)[1].tolist())
        radius = int(np.searchsorted(within[number], MOST_NEIGHBORS, side="right")) - 1
        if radius < 0:  # more duplicates of this code than are worth listing
            continue
        ids, distances = shard.range_search(query[None], min(radius, shard.contents.layout.code_length)).of(0)
        found = np.bincount(distances, minlength=counts.shape[1])
        if not np.array_equal(found[: radius + 1], counts[number, : radius + 1]):
            raise _wrong(shard, f"{within[number, radius]} items within {radius} bits", f"{len(ids)}, or others")
        order = np.argsort(ids)
        if not np.array_equal(_distances(shard, query, ids[order]), distances[order]):
            raise _wrong(shard, "neighbors as far as their codes are", "other distances")


def _distances(shard: Shard, query: Codes, ids: Any) -> Any:
    """Return the distances of the items of some ascending ids, from their stored codes."""
    rows = shard.contents.live.find(ids)
    codes = shard.contents.codes_of(rows)
    order = np.argsort(shard.contents.live.ids_at(rows))
    length = shard.contents.layout.code_length
    return (packed.unpack(codes, length) != packed.unpack(query[None], length)).sum(axis=1)[order]


def _wrong(shard: Shard, expected: str, got: object) -> CorruptIndexError:
    return CorruptIndexError(
        f"{shard.contents.file.path}: a search for one of its codes expected {expected}, got {got}; remove the "
        "index and build it again"
    )
