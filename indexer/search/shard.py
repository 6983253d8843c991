"""One opened shard: its contents, and the search of them."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import check_whole
from hashcore.codes import Codes
from hashcore.errors import InvalidInputError
from hashcore.hamming import check_radius
from hashcore.machine.processors import check_threads
from hashcore.neighbors import Neighbors
from indexer.search.dense import DenseSearcher
from indexer.search.explanation import ShardPlan
from indexer.search.plan import Allocation
from indexer.search.result_blocks import MAX_RESULT_BYTES, search_blocks
from indexer.search.searcher import RangeSearch, Searcher
from indexer.search.sparse import SparseSearcher
from indexer.shards.contents import ShardContents


class Shard:
    """A shard, opened; safe to use from several threads.

    Attributes:
        contents: Its codes, ids and labels.
        searcher: The search of them, dense or sparse as its codes are.
    """

    def __init__(self, path: Path, digest: str | None = None, deleted: NDArray[np.uint32] | None = None) -> None:
        self.contents = ShardContents(path, digest, deleted)
        of_kind = SparseSearcher if self.contents.layout.folds else DenseSearcher
        self.searcher: Searcher = of_kind(self.contents)

    def __len__(self) -> int:
        """Return the number of items."""
        return self.contents.rows

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse to travel.

        Raises:
            InvalidInputError: Always; a file that is mapped here is nothing to another process.
        """
        raise InvalidInputError(
            f"{self.contents.name} is an opened shard; pickle its index, which opens shards of its own there"
        )

    def range_search(
        self, queries: Codes, radius: int, *, threads: int = 0, max_bytes: int = MAX_RESULT_BYTES
    ) -> Neighbors:
        """Find every item within `radius` bits of each query.

        Args:
            queries: Codes, uint8, shape (q, bytes).
            radius: In bits, inclusive.
            threads: Threads to use; 0 takes every processor this process may run on.
            max_bytes: Memory that the answer to a block of queries may take while it is put in order.

        Returns:
            The neighbors, for each query ordered by (distance, id).

        Raises:
            InvalidInputError: If widths differ, the radius does not fit, or one query's neighbors need more memory.
        """
        max_bytes = check_whole(max_bytes, "max_bytes", 1)
        search = self.plan_range(queries, radius, threads=threads)
        return Neighbors.concatenate([found for _, found in search_blocks(search.answer, len(queries), max_bytes)])

    def plan_range(self, queries: Codes, radius: int, *, threads: int = 0) -> RangeSearch:
        """Plan a range search, which then answers slices of the queries; the file is read ahead where that pays.

        Args and Raises as `range_search`.
        """
        rows, threads = self.contents.query_rows(queries), check_threads(threads)
        search = self.searcher.range(rows, self._radius(radius), threads)
        if search.reads_most:
            self.contents.file.will_need()
        return search

    def knn_search(self, queries: Codes, k: int, *, threads: int = 0) -> Neighbors:
        """Find the k nearest items of each query (all items where there are fewer), ordered by (distance, id).

        Args and Raises as `range_search`.
        """
        rows, threads, k = self.contents.query_rows(queries), check_threads(threads), check_whole(k, "k", 1)
        if not len(rows) or not len(self):
            return Neighbors.empty(len(rows))
        return self.searcher.nearest(rows, min(k, len(self)), threads)

    def explain(self, queries: Codes, radius: int, *, threads: int = 0) -> ShardPlan:
        """Search, and say how: by which plan, and the expected and actual work of each structure.

        Args and Raises as `range_search`.
        """
        start = time.perf_counter()
        search = self.plan_range(queries, radius, threads=threads)
        blocks = search_blocks(search.answer, len(queries), MAX_RESULT_BYTES)
        neighbors = sum(len(found.ids) for _, found in blocks)
        reason, tables = search.explained()
        held, seconds = self.contents, time.perf_counter() - start
        return ShardPlan(held.name, held.rows, held.distinct, reason, tables, neighbors, seconds)

    def plan(self, queries: Codes, radius: int) -> Allocation:
        """Return the plan of a range search; queries are codes, uint8, shape (q, bytes)."""
        return self.searcher.plan(self.contents.query_rows(queries), self._radius(radius))

    def _radius(self, radius: int) -> int:
        """Return a radius that fits the codes."""
        return check_radius(radius, self.contents.layout.code_length)
