"""One opened shard: range search and k-NN by its hash tables, or by a scan where that is cheaper."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcore import hamming
from hashcore.arguments import check_whole
from hashcore.codes import Codes
from hashcore.errors import InvalidInputError
from hashcore.hamming import Words
from hashcore.machine.native_build import check_built
from hashcore.machine.processors import check_threads
from hashcore.neighbors import ALL, Neighbors
from indexer import _native
from indexer.explanation import ShardPlan, TablePlan
from indexer.shards.contents import ShardContents
from indexer.shards.result_blocks import MAX_RESULT_BYTES, search_blocks
from indexer.structures.layout import Substring
from indexer.structures.search_plan import Allocation, Costs, allocate

SAMPLED_QUERIES = 64
SAMPLED_RINGS = 3

check_built(_native)


class _Found(NamedTuple):
    """An answer, the work of each table, and whether the shard was scanned for it."""

    neighbors: Neighbors
    work: list[_native.TableWork]
    scanned: bool


class Shard(ShardContents):
    """A shard, opened; safe to use from several threads.

    Attributes:
        costs: By which tables or a scan are chosen.
    """

    def __init__(
        self,
        path: Path,
        digest: str | None = None,
        costs: Costs | None = None,
        deleted: NDArray[np.uint32] | None = None,
    ) -> None:
        super().__init__(path, digest, deleted)
        self.costs = costs or Costs()
        self._native = self._open_native()

    @property
    def substrings(self) -> tuple[Substring, ...]:
        """The substrings of its hash tables; none where the shard is small and scanned."""
        return self.layout.substrings if "table0.offsets" in self.file.arrays else ()

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse to travel.

        Raises:
            InvalidInputError: Always; a file that is mapped here is nothing to another process.
        """
        raise InvalidInputError(
            f"{self.name} is an opened shard; pickle its index, which opens shards of its own there"
        )

    def range_search(
        self, queries: Codes, radius: int, *, threads: int = 0, max_bytes: int = MAX_RESULT_BYTES
    ) -> Neighbors:
        """Find every item within `radius` bits of each query, ordered by (distance, id).

        Args:
            queries: Codes, shape (q, bytes).
            radius: In bits, inclusive.
            threads: Threads to use; 0 takes every processor this process may run on.
            max_bytes: Memory that the answer to a block of queries may take while it is put in order.

        Raises:
            InvalidInputError: If widths differ, the radius does not fit, or one query's neighbors need more memory.
        """
        max_bytes = check_whole(max_bytes, "max_bytes", 1)
        search = self.range_searcher(queries, radius, threads=threads)
        return Neighbors.concatenate([found for _, found in search_blocks(search, len(queries), max_bytes)])

    def range_searcher(
        self, queries: Codes, radius: int, *, threads: int = 0
    ) -> Callable[[slice, int], Neighbors | None]:
        """Plan a range search, and return the function that answers a slice of the queries, within a number of rows.

        The file is read ahead where the search touches most of it.
        """
        rows, threads = self._query_rows(queries), check_threads(threads)
        plan = self._plan(rows, radius)
        if plan.reads_most(len(rows), self.stored_distinct):
            self.file.will_need()

        def search(part: slice, most_rows: int) -> Neighbors | None:
            found = self._search(rows[part], radius, plan, most_rows, threads)
            return None if found is None else found.neighbors

        return search

    def knn_search(self, queries: Codes, k: int, *, threads: int = 0) -> Neighbors:
        """Find the k nearest items of each query (all items where there are fewer), ordered by (distance, id)."""
        rows, threads, k = self._query_rows(queries), check_threads(threads), check_whole(k, "k", 1)
        if not len(rows) or not self.rows:
            return Neighbors.empty(len(rows))
        costs, k = self.costs, min(k, self.rows)
        lists, _ = self._native.nearest(
            rows, k, self.layout.code_length, costs.probe, costs.candidate, costs.scan, threads
        )
        return Neighbors(*lists)

    def explain(self, queries: Codes, radius: int, *, threads: int = 0) -> ShardPlan:
        """Search, and say how: the plan, and the expected and actual work of each table."""
        start = time.perf_counter()
        rows, threads = self._query_rows(queries), check_threads(threads)
        plan = self._plan(rows, radius)
        totals, neighbors, scanned = np.zeros((len(self.substrings), 4)), 0, False

        def search(part: slice, most_rows: int) -> Neighbors | None:
            nonlocal totals, scanned
            found = self._search(rows[part], radius, plan, most_rows, threads)
            if found is None:
                return None
            totals += np.array(found.work).reshape(totals.shape)
            scanned = scanned or found.scanned
            return found.neighbors

        for _, part in search_blocks(search, len(rows), MAX_RESULT_BYTES):
            neighbors += len(part.ids)
        tables = tuple(
            TablePlan(
                name=f"table {number}, {substring.bits} bits",
                bits=substring.bits,
                radius=table_radius,
                probes=int(probes),
                expected_candidates=expected * len(rows),
                candidates=int(compared),
                verified=int(verified),
                seconds=float(seconds),
            )
            for number, (substring, table_radius, expected, (probes, compared, verified, seconds)) in enumerate(
                zip(self.substrings, plan.radii, plan.candidates, totals, strict=True)
            )
        )
        seconds = time.perf_counter() - start
        return ShardPlan(self.name, self.rows, self.distinct, plan.reason(scanned), tables, neighbors, seconds)

    def plan(self, queries: Codes, radius: int) -> Allocation:
        """Return the plan of a range search, from the bucket occupancies that a sample of the queries meets."""
        return self._plan(self._query_rows(queries), radius)

    def _plan(self, rows: Words, radius: int) -> Allocation:
        """Return the plan for queries as stored words."""
        radius = hamming.check_radius(radius, self.layout.code_length)
        substrings = self.substrings
        rings = min(radius // max(len(substrings), 1) + 1, SAMPLED_RINGS)
        sampled = min(len(rows) // SAMPLED_QUERIES + 1, SAMPLED_QUERIES)
        sample = np.ascontiguousarray(rows[:: max(len(rows) // sampled, 1)])
        means = self._native.mean_candidates(sample, rings - 1).reshape(len(substrings), rings)
        bits = [substring.bits for substring in substrings]
        return allocate(radius, bits, means, codes=self.stored_distinct, words=self.layout.words, costs=self.costs)

    def _search(self, rows: Words, radius: int, plan: Allocation, most_rows: int, threads: int) -> _Found | None:
        """Answer queries as stored words by a plan; None where there are more than `most_rows` neighbors.

        Tables whose buckets turn out so full that a scan would have cost less are given up for one.
        """
        max_candidates = min(math.ceil(len(rows) * plan.scan_ns / self.costs.candidate), ALL)
        found = self._native.range(rows, radius, list(plan.radii), max_candidates, most_rows, threads)
        return None if found is None else _Found(Neighbors(*found[0]), found[1], found[2])

    def _open_native(self) -> _native.ShardTables:
        """Hand the mapped arrays to the native code."""
        tables = [self._table(number, substring) for number, substring in enumerate(self.substrings)]
        return _native.ShardTables(*self._row_arrays(), tables)

    def _table(self, number: int, substring: Substring) -> _native.TableArrays:
        """Return what the native code needs of one table; the first one's entries are the sorted codes."""
        word, arrays = self.layout.filter_word(substring), self.file.arrays
        words, positions = self._codes[word], None
        if number > 0:
            words, positions = arrays[f"table{number}.words"], arrays[f"table{number}.positions"]
        offsets = arrays[f"table{number}.offsets"]
        return substring.word, substring.shift, substring.bits, word, offsets, words, positions
