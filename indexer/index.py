"""An index: the shards of one generation, searched as one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import check_whole
from hashcore.codes import Codes, Kind, check_codes
from hashcore.errors import CorruptIndexError
from hashcore.hamming import check_k, check_radius
from hashcore.labels import Labels
from hashcore.machine.processors import check_threads
from hashcore.neighbors import Neighbors
from indexer.explanation import ShardPlan
from indexer.generations import audit, changes, compaction
from indexer.generations import vacuum as vacuums
from indexer.generations.changes import ROWS_PER_SHARD
from indexer.generations.manifest import Manifest, ShardEntry, read_manifest
from indexer.shards.opened import OpenShards
from indexer.shards.result_blocks import MAX_RESULT_BYTES, search_blocks
from indexer.shards.shard import Shard
from indexer.storage.store import Store, open_store


class Index:
    """One generation of an index; append, delete and compact move on to the generation that they make.

    Safe to use from several threads: a search or a change holds on to the generation that it began with.

    Attributes:
        manifest: What it holds and where it came from.
        store: Where it lives.
    """

    def __init__(self, store: Store, manifest: Manifest, *, verify: bool = False) -> None:
        self.store = store
        self.manifest = manifest
        self._open = OpenShards(store, verify=verify)

    def __len__(self) -> int:
        """Return the number of items."""
        return self.manifest.rows

    @property
    def code_length(self) -> int:
        """Bits of a code."""
        return self.manifest.layout.code_length

    @property
    def kind(self) -> Kind:
        """Kind of the codes: dense, sparse or ternary."""
        return self.manifest.kind

    @property
    def generation(self) -> int:
        """Number of this generation."""
        return self.manifest.generation

    @property
    def shards(self) -> tuple[ShardEntry, ...]:
        """The shards as the manifest lists them."""
        return self.manifest.shards

    def range_search(self, queries: Codes, radius: int, *, threads: int = 0) -> Neighbors:
        """Find every item within `radius` bits of each query.

        Args:
            queries: Codes, uint8, shape (q, bytes).
            radius: In bits, inclusive; 0..code_length.
            threads: Threads to use; 0 takes every processor this process may run on.

        Returns:
            The neighbors, for each query ordered by (distance, id).

        Raises:
            InvalidInputError: If the queries' width or the radius does not fit.
            CorruptIndexError: If a shard is damaged.
        """
        blocks = self.iter_range_search(queries, radius, threads=threads)
        return Neighbors.concatenate([found for _, found in blocks])

    def iter_range_search(
        self, queries: Codes, radius: int, *, threads: int = 0, max_bytes: int = MAX_RESULT_BYTES
    ) -> Iterator[tuple[int, Neighbors]]:
        """Answer a range search block by block: memory stays bounded whatever the radius.

        Args and Raises as `range_search`; `max_bytes` bounds what one block's answer takes while it is put in order.

        Yields:
            The number of a block's first query, and the block's neighbors.
        """
        queries = check_codes(queries, self.code_length, "queries")
        radius = check_radius(radius, self.code_length)
        max_bytes = check_whole(max_bytes, "max_bytes", 1)
        threads, manifest = check_threads(threads), self.manifest

        def search(part: slice, most_rows: int) -> Neighbors | None:
            parts: list[Neighbors] = []
            shards = self._each(manifest)
            searchers = (shard.range_searcher(queries[part], radius, threads=threads) for shard in shards)
            following = next(searchers, None)
            while (searcher := following) is not None:
                following = next(searchers, None)  # the next shard is read while this one is searched
                found = searcher(slice(None), most_rows)
                if found is None:
                    return None
                parts.append(found)
                most_rows -= len(found.ids)
            return Neighbors.merge(parts, threads=threads)

        return search_blocks(search, len(queries), max_bytes)

    def knn_search(self, queries: Codes, k: int, *, threads: int = 0) -> Neighbors:
        """Find the k nearest items of each query; ties are decided by id.

        Args and Raises as `range_search`; `k` must lie in 1..len(index).
        """
        queries = check_codes(queries, self.code_length, "queries")
        k, threads = check_k(k, len(self), "the index"), check_threads(threads)
        parts = [shard.knn_search(queries, k, threads=threads) for shard in self._each(self.manifest)]
        return Neighbors.merge(parts, k, threads=threads)

    def explain(self, queries: Codes, radius: int, *, threads: int = 0) -> list[ShardPlan]:
        """Search, and return for each shard how: tables and their radii, or scan; work expected and done."""
        queries = check_codes(queries, self.code_length, "queries")
        return [shard.explain(queries, radius, threads=threads) for shard in self._each(self.manifest)]

    def append(self, ids: NDArray[np.int64], codes: Codes, labels: Labels | None = None) -> Index:
        """Add items as a new generation: one more shard, those that are there stay as they are.

        Args:
            ids: int64, shape (n,), each once and none of an item that is in the index.
            codes: uint8, shape (n, bytes).
            labels: Labels of the rows; as the index was built, with or without.

        Returns:
            This index, moved on to the new generation. Where other writers have committed since this one, it is made of
            what is current now, theirs included.

        Raises:
            InvalidInputError: If shapes differ, an id is there already, or labels are missing or too many.
            OutputError: If another writer was first and the change does not apply to what is current now.
        """
        return self._move_on(changes.append_rows(self, ids, codes, labels))

    def delete(self, ids: NDArray[np.int64]) -> Index:
        """Delete items as a new generation; ids that are not in the index are left alone.

        Returns and raises as `append`. `manifest.provenance["change"]` tells how many rows were deleted.
        """
        return self._move_on(changes.delete_rows(self, ids))

    def compact(self, rows_per_shard: int = ROWS_PER_SHARD) -> Index:
        """Merge small shards and drop deleted rows as a new generation, with layouts planned anew.

        Args:
            rows_per_shard: Rows a merged shard holds at most; shards of less than half are small.

        Returns and raises as `append`; nothing is written where there is nothing to do.
        """
        return self._move_on(compaction.compact(self, rows_per_shard))

    def vacuum(self, keep: int = 1, *, older_than_s: float = vacuums.USUAL_AGE_S) -> vacuums.Removed:
        """Remove generations but the newest ones, and what no generation holds.

        Args:
            keep: Generations to keep, the current one and those it came from.
            older_than_s: What no generation holds may belong to a change that runs: it must be older than this, in
                seconds by the storage's clock.
        """
        return vacuums.vacuum(self.store, keep, older_than_s)

    def verify(self, audited: int = audit.AUDITED) -> audit.Verified:
        """Check everything: digests, structure, counts, and answers to some stored codes against a linear scan.

        Args:
            audited: Stored codes of each shard that are asked for.

        Raises:
            CorruptIndexError: Naming what differs.
        """
        return audit.verify(self, audited)

    def appended(self) -> set[str]:
        """Return what was appended since the index was built, by the content that jobs tell."""
        return set(self.manifest.provenance.get("appended", []))

    def inspect(self) -> audit.Inspection:
        """Tell what the index holds, from its manifests alone."""
        return audit.inspect(self)

    def open_shard(self, number: int) -> Shard:
        """Open one shard; it stays open while there is room for it."""
        return self._open.get(self._entry(number), self.manifest)

    def stored_shard(self, number: int) -> Shard:
        """Open one shard as it is stored now, every byte compared; a copy that this machine keeps is made anew."""
        return self._open.stored(self._entry(number), self.manifest)

    def shard_of(self, entry: ShardEntry) -> Shard:
        """Open a shard that was built for this index and may not be part of it yet."""
        return self._open.get(entry, self.manifest)

    def _entry(self, number: int) -> ShardEntry:
        """Return the entry of one shard."""
        return self.shards[check_whole(number, "shard", 0, len(self.shards) - 1)]

    def at(self, manifest: Manifest) -> Index:
        """Return another generation of this index, which shares the opened shards."""
        other = Index(self.store, manifest)
        other._open = self._open
        return other

    def _each(self, manifest: Manifest) -> Iterator[Shard]:
        """Open the shards of a generation one after another."""
        return (self._open.get(entry, manifest) for entry in manifest.shards)

    def _move_on(self, manifest: Manifest) -> Index:
        """Take another generation's manifest, unless a later one is held; shards that it shares stay open."""
        if manifest.generation >= self.manifest.generation:
            self.manifest = manifest
            self._open.keep(manifest.shards)
        return self


def open_index(root: str | Path, generation: int | None = None, *, verify: bool = False) -> Index:
    """Open an index: reads its manifest, and no shard before it is searched.

    Args:
        root: A directory or s3://bucket/prefix.
        generation: Which generation; None opens the current one.
        verify: Whether each shard is read and compared with its digests when it is first used, however large. Without,
            that is done with shards of at most 64 MiB and with copies from a bucket; of others only the header is.

    Raises:
        InvalidInputError: If there is no index, or no such generation.
        CorruptIndexError: If the manifest is damaged.
    """
    store = open_store(root)
    manifest = read_manifest(store, None if generation is None else check_whole(generation, "generation", 1))
    if not manifest.shards:
        raise CorruptIndexError(f"{root}: generation {manifest.generation} has no shards; restore its manifest")
    return Index(store, manifest, verify=verify)
