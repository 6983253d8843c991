"""An index: the shards of one generation, searched as one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from hashcore.codes import Codes, Kind, check_codes
from hashcore.errors import InvalidInputError
from hashcore.hamming import available_threads, check_k, check_radius
from hashcore.neighbors import Neighbors
from indexer.blocks import MAX_RESULT_BYTES, search_blocks
from indexer.manifest import Manifest, ShardEntry, read_manifest
from indexer.plans import ShardPlan
from indexer.shard import Shard
from indexer.sparse_shard import SparseShard
from indexer.store import Store, open_store


class Index:
    """One generation of an index, for reading.

    Attributes:
        manifest: What it holds and where it came from.
        store: Where it lives.
    """

    def __init__(self, store: Store, manifest: Manifest) -> None:
        self.store = store
        self.manifest = manifest
        self.open_shard: Callable[[int], Shard] = lru_cache(maxsize=None)(self._open_shard)

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
            The neighbours, for each query ordered by (distance, id).

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
            The number of a block's first query, and the block's neighbours.
        """
        queries = check_codes(queries, self.code_length, "queries")
        check_radius(radius, self.code_length)
        shards, threads = self._opened(), threads or available_threads()

        def search(part: slice, most_rows: int) -> Neighbors | None:
            parts: list[Neighbors] = []
            for shard, following in zip(shards, [*shards[1:], None], strict=True):
                if following and following.reads_most(queries[part], radius):
                    following.file.will_need()  # is read while this one is searched
                found = shard.range_searcher(queries[part], radius, threads=threads)(slice(None), most_rows)
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
        check_k(k, len(self), "the index")
        parts = [shard.knn_search(queries, k, threads=threads) for shard in self._opened()]
        return Neighbors.merge(parts, k, threads=threads or available_threads())

    def explain(self, queries: Codes, radius: int, *, threads: int = 0) -> list[ShardPlan]:
        """Search, and return for each shard how: tables and their radii, or scan; work expected and done."""
        queries = check_codes(queries, self.code_length, "queries")
        return [shard.explain(queries, radius, threads=threads) for shard in self._opened()]

    def verify(self) -> None:
        """Compare every byte of every shard with its digest.

        Raises:
            CorruptIndexError: Naming file and array.
        """
        for shard in self._opened():
            shard.file.verify()

    def _opened(self) -> list[Shard]:
        return [self.open_shard(number) for number in range(len(self.shards))]

    def _open_shard(self, number: int) -> Shard:
        """Open one shard; it stays open."""
        entry = self.shards[number]
        of_kind = SparseShard if self.manifest.layout.is_sparse else Shard
        return of_kind(self.store.local_path(entry.name), entry.digest)


def open_index(root: str, generation: int | None = None) -> Index:
    """Open an index: reads its manifest, and no shard before it is searched.

    Args:
        root: The directory.
        generation: Which generation; None opens the current one.

    Raises:
        InvalidInputError: If there is no index, or no such generation.
    """
    store = open_store(root)
    manifest = read_manifest(store, generation)
    if not manifest.shards:
        raise InvalidInputError(f"{root}: generation {manifest.generation} has no shards; build the index again")
    return Index(store, manifest)
