"""One opened shard: range search, k-NN and distance histograms over its mapped arrays."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from hashcore import hamming
from hashcore.built import check_built
from hashcore.codes import Codes, check_codes, code_bytes
from hashcore.errors import CorruptIndexError
from hashcore.hamming import Words, available_threads
from hashcore.neighbors import ALL, Neighbors
from hashcore.relevance import Labels
from indexer import _tables
from indexer.allocation import Allocation, Costs, allocate
from indexer.blocks import MAX_RESULT_BYTES, search_blocks
from indexer.layout import Layout, Substring
from indexer.live_rows import read_rows
from indexer.plans import ShardPlan, TablePlan
from indexer.shard_builder import bit_order, in_order
from indexer.shard_check import check_structure
from indexer.shard_file import ShardFile

VERIFIED_ON_OPEN_BYTES = 64 << 20  # larger shards are verified by Index.verify(), so that opening stays instant
SAMPLED_QUERIES = 64
SAMPLED_RINGS = 3

check_built(_tables)


class _Found(NamedTuple):
    """An answer, the work of each table, and whether the shard was scanned for it."""

    neighbors: Neighbors
    work: list[_tables.TableWork]
    scanned: bool


class Shard:
    """A shard, opened; safe to use from several threads.

    Attributes:
        name: Of the file.
        layout: Of its codes.
        live: Its rows, less those that are deleted.
        rows: How many these are.
        distinct: Distinct codes that they carry.
        stored_rows: Rows in the file.
        stored_distinct: Distinct codes in the file.
    """

    def __init__(
        self,
        path: Path,
        digest: str | None = None,
        costs: Costs | None = None,
        deleted: NDArray[np.uint32] | None = None,
    ) -> None:
        self.name = path.name
        self.file = ShardFile(path, digest)
        self.costs = costs or Costs()
        self.layout = self._layout()
        self._bit_order = bit_order(self.layout)
        self._codes: Words = self.file.array("codes", np.uint64, (self.layout.words, -1))
        self.stored_rows, stored = self._fact("rows"), self._codes.shape[1]
        self.stored_distinct: int = stored
        whole = read_rows(self.file, stored, self.stored_rows, self._fact("id_base"))
        if path.stat().st_size <= VERIFIED_ON_OPEN_BYTES:
            self.verify()
        self.live = whole if deleted is None else whole.without(deleted)
        self.rows: int = len(self.live)
        self.distinct: int = stored if deleted is None else self.live.distinct()
        self._native = self._open_native()

    def verify(self) -> None:
        """Compare every byte with its digest, and every offset and position with what it points into.

        Raises:
            CorruptIndexError: Naming file and array.
        """
        self.file.verify()
        check_structure(self.file, self.layout)

    def __len__(self) -> int:
        """Return the number of items."""
        return self.rows

    @property
    def substrings(self) -> tuple[Substring, ...]:
        """The substrings of its hash tables; none where the shard is small and scanned."""
        return self.layout.substrings if "table0.offsets" in self.file.arrays else ()

    @property
    def ids(self) -> NDArray[np.int64]:
        """The rows' ids in row order, shape (rows,)."""
        return self.live.ids

    def codes(self) -> Codes:
        """Return the distinct codes in the shard's order, shape (distinct, bytes)."""
        return self._stored_codes()[self._row_counts() > 0]

    def row_codes(self) -> Codes:
        """Return every row's code in row order, shape (rows, bytes)."""
        return np.repeat(self._stored_codes(), self._row_counts(), axis=0)

    def codes_of(self, rows: NDArray[np.uint32]) -> Codes:
        """Return the codes of live rows of some numbers in the file, shape (n, bytes)."""
        places = self.live.places(rows)
        if self.live.offsets is not None:
            places = np.searchsorted(self.live.offsets, places, side="right") - 1
        return self._stored_codes()[places]

    @property
    def has_labels(self) -> bool:
        """Whether its rows have labels."""
        return self.live.stored_labels is not None

    def labels(self) -> Labels | None:
        """Return the rows' labels in row order, or None where the index was built without."""
        return self.live.labels

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
            InvalidInputError: If widths differ, the radius does not fit, or one query's neighbours need more memory.
        """
        search = self.range_searcher(queries, radius, threads=threads)
        return Neighbors.concatenate([found for _, found in search_blocks(search, len(queries), max_bytes)])

    def range_searcher(
        self, queries: Codes, radius: int, *, threads: int = 0
    ) -> Callable[[slice, int], Neighbors | None]:
        """Plan a range search, and return the function that answers a slice of the queries, within a number of rows.

        The file is read ahead where the search touches most of it.
        """
        rows = self._query_rows(queries)
        plan = self._plan(rows, radius)
        if plan.reads_most(len(rows), self.stored_distinct):
            self.file.will_need()

        def search(part: slice, most_rows: int) -> Neighbors | None:
            found = self._search(rows[part], radius, plan, most_rows, threads)
            return None if found is None else found.neighbors

        return search

    def knn_search(self, queries: Codes, k: int, *, threads: int = 0) -> Neighbors:
        """Find the k nearest items of each query (all items where there are fewer), ordered by (distance, id)."""
        rows = self._query_rows(queries)
        if not len(rows) or not self.rows:
            return Neighbors.empty(len(rows))
        costs, k = self.costs, min(k, self.rows)
        threads = threads or available_threads()
        lists, _ = self._native.nearest(rows, k, costs.probe, costs.candidate, costs.scan, threads)
        return Neighbors(*lists)

    def explain(self, queries: Codes, radius: int, *, threads: int = 0) -> ShardPlan:
        """Search, and say how: the plan, and the expected and actual work of each table."""
        start = time.perf_counter()
        rows = self._query_rows(queries)
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

    def distance_histograms(
        self,
        queries: Codes,
        query_relevance: Words | None = None,
        item_relevance: Words | None = None,
        *,
        threads: int = 0,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Count all items, and the relevant ones, at each distance of each query.

        Args:
            queries: Codes, shape (q, bytes).
            query_relevance: Label bit masks, shape (q, words); without them nothing is relevant.
            item_relevance: Label bit masks of the items in row order, shape (rows, words).
            threads: Threads to use; 0 takes every processor this process may run on.

        Returns:
            Two int64 arrays of shape (q, code_length + 1).
        """
        none = np.zeros((0, 0), np.uint64)
        return hamming.histograms_of_columns(
            np.repeat(self._codes, self._row_counts(), axis=1),
            self._query_rows(queries),
            self.layout.code_length,
            none if item_relevance is None else item_relevance,
            none if query_relevance is None else query_relevance,
            threads=threads,
        )

    def _plan(self, rows: Words, radius: int) -> Allocation:
        """Return the plan for queries as stored words."""
        hamming.check_radius(radius, self.layout.code_length)
        substrings = self.substrings
        rings = min(radius // max(len(substrings), 1) + 1, SAMPLED_RINGS)
        sampled = min(len(rows) // SAMPLED_QUERIES + 1, SAMPLED_QUERIES)
        sample = np.ascontiguousarray(rows[:: max(len(rows) // sampled, 1)])
        means = self._native.mean_candidates(sample, rings - 1).reshape(len(substrings), rings)
        bits = [substring.bits for substring in substrings]
        return allocate(radius, bits, means, codes=self.stored_distinct, words=self.layout.words, costs=self.costs)

    def _search(self, rows: Words, radius: int, plan: Allocation, most_rows: int, threads: int) -> _Found | None:
        """Answer queries as stored words by a plan; None where there are more than `most_rows` neighbours.

        Tables whose buckets turn out so full that a scan would have cost less are given up for one.
        """
        max_candidates = min(math.ceil(len(rows) * plan.scan_ns / self.costs.candidate), ALL)
        threads = threads or available_threads()
        found = self._native.range(rows, radius, list(plan.radii), max_candidates, most_rows, threads)
        return None if found is None else _Found(Neighbors(*found[0]), found[1], found[2])

    def _query_rows(self, queries: Codes) -> Words:
        """Return queries as stored words, row by row; shape (q, words)."""
        codes = check_codes(queries, self.layout.code_length, "queries")
        return in_order(hamming.to_rows(codes).T, self._bit_order, 1).T

    def _row_counts(self) -> NDArray[np.int64]:
        """Return the number of rows of each stored code."""
        return self.live.counts(self.stored_distinct)

    def _stored_codes(self) -> Codes:
        """Return the codes in the file, also those that have lost all their rows."""
        places = np.argsort(self.layout.bit_order).astype(np.uint16)
        words = np.empty_like(self._codes)
        _tables.permute_bits(self._codes, places, words, available_threads())
        rows = np.ascontiguousarray(words.T).view(np.uint8)
        return np.ascontiguousarray(rows[:, : code_bytes(self.layout.code_length)])

    def _layout(self) -> Layout:
        """Return the layout in the file's facts."""
        try:
            return Layout.model_validate(self.file.facts["layout"])
        except (KeyError, ValidationError) as error:
            raise CorruptIndexError(f"{self.file.path}: no valid layout ({error!r}); restore the file") from None

    def _fact(self, name: str) -> int:
        """Return one whole number of the file's facts."""
        value = self.file.facts.get(name)
        if not isinstance(value, int) or not -(2**63) <= value < 2**63 or (name == "rows" and value < 0):
            raise CorruptIndexError(f"{self.file.path}: expected {name} as a number, got {value!r}; restore the file")
        return value

    def _open_native(self) -> _tables.ShardTables:
        """Hand the mapped arrays to the native code."""
        tables = [self._table(number, substring) for number, substring in enumerate(self.substrings)]
        return _tables.ShardTables(*self._row_arrays(), tables)

    def _row_arrays(self) -> _tables.RowArrays:
        """Return codes, live rows and their ids as the native code takes them."""
        live = self.live
        return (
            self._codes,
            live.offsets,
            live.short_ids,
            live.long_ids,
            live.base,
        )

    def _table(self, number: int, substring: Substring) -> _tables.TableArrays:
        """Return what the native code needs of one table; the first one's entries are the sorted codes."""
        word = self.layout.filter_word(substring)
        offsets = self.file.array(f"table{number}.offsets", np.uint32, (2**substring.bits + 1,))
        words, positions = self._codes[word], None
        if number > 0:
            entries = (self.stored_distinct,)
            words = self.file.array(f"table{number}.words", np.uint64, entries)
            positions = self.file.array(f"table{number}.positions", np.uint32, entries)
        return substring.word, substring.shift, substring.bits, word, offsets, words, positions
