"""An index: the shards of one generation, searched as one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import check_whole
from hashcore.codes import Codes, Kind, check_codes
from hashcore.errors import CorruptIndexError
from hashcore.hamming import check_k, check_radius
from hashcore.labels import Labels
from hashcore.machine.processors import check_threads
from hashcore.neighbors import Neighbors
from indexer import lookup
from indexer.generations import audit
from indexer.generations import vacuum as vacuums
from indexer.generations.append import append_rows
from indexer.generations.compaction import compact
from indexer.generations.delete import delete_rows
from indexer.generations.manifest import Manifest, read_manifest
from indexer.generations.snapshot import Snapshot
from indexer.search.explanation import ShardPlan
from indexer.search.result_blocks import MAX_RESULT_BYTES, search_blocks
from indexer.search.shard import Shard
from indexer.shards.builder import ROWS_PER_SHARD
from indexer.shards.entry import ShardEntry
from indexer.shards.keys import Ids, KeySpec
from indexer.storage.opening import open_store
from indexer.storage.store import Store

if TYPE_CHECKING:
    import pyarrow as pa


class Index:
    """An index, at the generation that was opened; append, delete and compact move on to the one that they make.

    Safe to use from several threads: a search or a change holds on to the generation that it began with.

    Attributes:
        snapshot: The generation that is searched, and its opened shards.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def __len__(self) -> int:
        """Return the number of items."""
        return self.manifest.rows

    def __repr__(self) -> str:
        """Tell what is held, on one line."""
        return (
            f"Index({str(self.store)!r}, generation={self.generation}, kind={self.kind!r}, "
            f"code_length={self.code_length}, items={len(self)}, shards={len(self.shards)})"
        )

    @property
    def store(self) -> Store:
        """The storage below its root."""
        return self.snapshot.store

    @property
    def manifest(self) -> Manifest:
        """The shards of the generation, and its origin."""
        return self.snapshot.manifest

    @property
    def code_length(self) -> int:
        """Bits of a code."""
        return self.snapshot.code_length

    @property
    def kind(self) -> Kind:
        """Kind of the codes: dense, sparse or ternary."""
        return self.snapshot.kind

    @property
    def key_spec(self) -> KeySpec | None:
        """How keys of items became the ids that searches answer; None where ids are whole numbers."""
        return self.snapshot.key_spec

    @property
    def generation(self) -> int:
        """Number of the generation."""
        return self.manifest.generation

    @property
    def shards(self) -> tuple[ShardEntry, ...]:
        """The shards as the manifest lists them."""
        return self.snapshot.shards

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
        threads, snapshot = check_threads(threads), self.snapshot

        def search(part: slice, most_rows: int) -> Neighbors | None:
            parts: list[Neighbors] = []
            searches = (shard.plan_range(queries[part], radius, threads=threads) for shard in snapshot.opened())
            following = next(searches, None)
            while (planned := following) is not None:
                following = next(searches, None)  # the next shard is read while this one is searched
                found = planned.answer(slice(None), most_rows)
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
        parts = [shard.knn_search(queries, k, threads=threads) for shard in self.snapshot.opened()]
        return Neighbors.merge(parts, k, threads=threads)

    def explain(self, queries: Codes, radius: int, *, threads: int = 0) -> list[ShardPlan]:
        """Search, and return the plan of each shard: tables and their radii, or scan; work expected and done.

        Args and Raises as `range_search`.
        """
        queries = check_codes(queries, self.code_length, "queries")
        return [shard.explain(queries, radius, threads=threads) for shard in self.snapshot.opened()]

    def keys(self, ids: NDArray[np.int64]) -> pa.Array:
        """Return the keys of items that a search has found.

        Args:
            ids: int64, shape (n,).

        Returns:
            An Arrow array of string or binary, n long, null where no item has the id; the ids where these are numbers.
        """
        return lookup.keys(self.snapshot, ids)

    def contains(self, ids: Ids) -> NDArray[np.bool_]:
        """Return whether there is an item of each of some ids, int64 of shape (n,), or keys; bool, shape (n,)."""
        return lookup.contains(self.snapshot, ids)

    def codes(self, ids: Ids) -> Codes:
        """Return the code of each item of some ids, int64 of shape (n,), or keys; uint8, shape (n, bytes).

        Raises:
            InvalidInputError: If one is not there.
        """
        return lookup.codes(self.snapshot, ids)

    def labels_of(self, ids: Ids) -> Labels | None:
        """Return the labels of each item of some ids, int64 of shape (n,), or keys; None where the index has none.

        Raises:
            InvalidInputError: If one is not there.
        """
        return lookup.labels(self.snapshot, ids)

    def deleted_in(self, ids: Ids) -> NDArray[np.int64]:
        """Return the generation in which each of some items was deleted, as far back as generations are kept.

        Args:
            ids: int64, shape (n,), or keys.

        Returns:
            int64, shape (n,); 0 for an item that is there, or was in no generation that is kept.
        """
        return lookup.deleted_in(self.snapshot, ids)

    def append(self, ids: Ids, codes: Codes, labels: Labels | None = None) -> Index:
        """Add items as a new generation: one more shard, those that are there stay as they are.

        Args:
            ids: int64, shape (n,), or keys, as the index has; each once and none of an item that is in the index.
            codes: uint8, shape (n, bytes).
            labels: Labels of the rows; as the index was built, with or without.

        Returns:
            This index, moved on to the new generation. Where other writers have committed since this one, it is made of
            what is current now, theirs included.

        Raises:
            InvalidInputError: If shapes differ, an id is there already, or labels are missing or too many.
            OutputError: If another writer was first and the change does not apply to what is current now.
        """
        return self._move_on(append_rows(self.snapshot, ids, codes, labels))

    def delete(self, ids: Ids) -> Index:
        """Delete items as a new generation; ids, int64 of shape (n,), or keys that are not there are left alone.

        Returns and raises as `append`. `manifest.provenance["change"]` tells how many rows were deleted.
        """
        return self._move_on(delete_rows(self.snapshot, ids))

    def compact(self, rows_per_shard: int = ROWS_PER_SHARD) -> Index:
        """Merge small shards and drop deleted rows as a new generation, with layouts planned anew.

        Args:
            rows_per_shard: Rows a merged shard holds at most; shards of less than half are small.

        Returns and raises as `append`; nothing is written where there is nothing to do.
        """
        return self._move_on(compact(self.snapshot, rows_per_shard))

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
        return audit.verify(self.snapshot, audited)

    def inspect(self) -> audit.Inspection:
        """Tell what the index holds, from its manifests alone."""
        return audit.inspect(self.snapshot)

    def open_shard(self, number: int) -> Shard:
        """Open one shard; it stays open while there is room for it."""
        return self.snapshot.open_shard(number)

    def _move_on(self, manifest: Manifest) -> Index:
        """Take another generation's manifest, unless a later one is held; shards that it shares stay open."""
        if manifest.generation >= self.generation:
            self.snapshot = self.snapshot.at(manifest)
            self.snapshot.close_others()
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
    return Index(Snapshot(store, manifest, verify=verify))
