"""The search of a shard of dense codes: by its hash tables, or by a scan where that is cheaper."""

from __future__ import annotations

import math

import numpy as np

from hashcore.hamming import Words
from hashcore.neighbors import ALL, Neighbors
from indexer import _native
from indexer.search.explanation import TablePlan
from indexer.search.plan import Allocation, Costs
from indexer.search.searcher import table_plan
from indexer.shards.contents import ShardContents

assert Costs._fields == _native.COSTS  # they are passed by position


class DenseSearcher:
    """The search of a shard of dense codes; safe to use from several threads.

    Attributes:
        costs: By which tables or a scan are chosen.
        native: The compiled search, which checks nothing.
    """

    def __init__(self, contents: ShardContents) -> None:
        self.costs = Costs()
        self._contents = contents
        layout, codes = contents.layout, contents.words
        self.tables = layout.tables if layout.has_structures(contents.stored_distinct) else ()
        tables = [table.native(contents.file, codes) for table in self.tables]
        self.native = _native.ShardTables(*contents.row_arrays(), tables)

    def plan(self, rows: Words, radius: int) -> Allocation:
        """Return the plan of a range search, from the bucket occupancies of sampled queries, shape (q, words)."""
        return Allocation(*self.native.plan(rows, radius, *self.costs))

    def range(self, rows: Words, radius: int, threads: int) -> DenseRange:
        """Plan a range search; `rows` are queries as stored words, uint64, shape (q, words)."""
        return DenseRange(self, rows, radius, self.plan(rows, radius), threads)

    def nearest(self, rows: Words, k: int, threads: int) -> Neighbors:
        """Find the k nearest items of each query, ordered by (distance, id); `rows` have shape (q, words)."""
        lists, _ = self.native.nearest(rows, k, self._contents.layout.code_length, *self.costs, threads)
        return Neighbors(*lists)


class DenseRange:
    """A range search of dense codes by one plan for all queries.

    Tables whose buckets turn out so full that a scan would have cost less are given up for one.
    """

    def __init__(self, searcher: DenseSearcher, rows: Words, radius: int, plan: Allocation, threads: int) -> None:
        self._searcher, self._rows, self._radius, self._threads = searcher, rows, radius, threads
        self._plan, self._radii = plan, list(plan.radii)
        self._work: list[list[_native.TableWork]] = []
        self._queries, self._is_scanned = 0, False

    @property
    def reads_most(self) -> bool:
        """Whether the search touches most of the shard."""
        return self._plan.reads_most(len(self._rows), self._searcher._contents.stored_distinct)

    def answer(self, part: slice, most_rows: int) -> Neighbors | None:
        """Answer a slice of the queries; None where there are more than `most_rows` neighbors."""
        rows, costs = self._rows[part], self._searcher.costs
        max_candidates = min(math.ceil(len(rows) * self._plan.scan_ns / costs.candidate), ALL)
        found = self._searcher.native.range(rows, self._radius, self._radii, max_candidates, most_rows, self._threads)
        if found is None:
            return None
        self._work.append(found[1])
        self._queries += len(rows)
        self._is_scanned = self._is_scanned or found[2]
        return Neighbors(*found[0])

    def explained(self) -> tuple[str, tuple[TablePlan, ...]]:
        """Say why tables or a scan answered, and what each table did."""
        tables, plan = self._searcher.tables, self._plan
        totals = np.array(self._work).reshape(len(self._work), len(tables), 4).sum(axis=0)
        done = tuple(
            table_plan(
                f"table {table.number}, {table.substring.bits} bits",
                table.substring.bits,
                radius,
                candidates * self._queries,
                work,
            )
            for table, radius, candidates, work in zip(tables, plan.radii, plan.candidates, totals, strict=True)
        )
        return plan.reason(self._is_scanned), done
