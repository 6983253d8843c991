"""The search of a shard of sparse codes: each query takes the cheapest of fold table, signatures, lists and scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hashcore.hamming import Words
from hashcore.neighbors import Neighbors
from indexer import _native
from indexer.search.explanation import TablePlan
from indexer.search.plan import LEAST_NS, Allocation
from indexer.search.searcher import table_plan
from indexer.shards.contents import ShardContents
from indexer.structures.base import WORD_BITS
from indexer.structures.folds import Folds
from indexer.structures.lists import Lists

ROUTES = _native.ROUTES
CODES_A_QUERY = 64  # that a query touches for each bit of radius, about: each costs a page


class SparseCosts(NamedTuple):
    """Expected cost of the steps of a search, in nanoseconds on one thread; only their ratios decide.

    Attributes:
        look_up: Looking up one fold in the fold table.
        probe: Looking up one bucket of a block's table.
        candidate: Comparing one entry of a bucket by its fold.
        verify: Fetching and comparing one word of a code.
        posting: Reading and counting one posting.
        folded: Scanning one fold.
        scanned: Scanning one word of a code.
    """

    look_up: float = 6.0
    probe: float = 8.0
    candidate: float = 0.6
    verify: float = 3.0
    posting: float = 1.7
    folded: float = 0.05
    scanned: float = 0.1


assert SparseCosts._fields == _native.SPARSE_COSTS  # they are passed by position


@dataclass(frozen=True)
class Routes(Allocation):
    """A plan for one radius on one shard of sparse codes, in which each query takes a route of its own.

    Radii, probes and candidates are empty: no table is looked up for all queries alike.

    Attributes:
        taken: Queries that take each of `ROUTES`.
    """

    taken: tuple[int, ...]

    @property
    def is_scan(self) -> bool:
        """Whether every query scans the shard."""
        return self.taken[-1] == sum(self.taken)

    def reason(self, scanned: bool = False) -> str:  # noqa: ARG002 (no route is given up for a scan)
        """Say in a few words how many queries take which route, and what scans would cost."""
        return _reason(self.taken, self.scan_ns / max(self.tables_ns, LEAST_NS))


class SparseSearcher:
    """The search of a shard of sparse codes; safe to use from several threads.

    Attributes:
        costs: By which each query's route is chosen.
        route: Makes every query take this route where it can answer, else a scan; None lets costs decide.
        native: The compiled search, which checks nothing.
    """

    def __init__(self, contents: ShardContents) -> None:
        self.costs = SparseCosts()
        self.route: _native.Route | None = None
        self._contents = contents
        layout, file = contents.layout, contents.file
        is_large = layout.has_structures(contents.stored_distinct)
        self.signatures = layout.signatures if is_large else ()
        folds = Folds(layout.code_length).native(file) if is_large else None
        lists = Lists(layout.code_length).native(file) if is_large and layout.lists else None
        blocks = [table.native(file) for table in self.signatures]
        self.native = _native.SparseTables(*contents.row_arrays(), folds, blocks, lists)

    def plan(self, rows: Words, radius: int) -> Routes:
        """Return the routes that the queries, shape (q, words), take in a range search, and the mean cost expected."""
        taken, by_plan, by_scan = self.native.routes(rows, radius, self._route_number, self.costs)
        many = max(len(rows), 1)
        return Routes((), (), (), by_plan / many, by_scan / many, tuple(taken))

    def range(self, rows: Words, radius: int, threads: int) -> SparseRange:
        """Begin a range search of queries, shape (q, words); each is planned when it is answered."""
        return SparseRange(self, rows, radius, threads)

    def nearest(self, rows: Words, k: int, threads: int) -> Neighbors:
        """Find the k nearest items of each query, ordered by (distance, id); `rows` have shape (q, words)."""
        farthest = self._contents.layout.code_length
        return Neighbors(*self.native.nearest(rows, k, farthest, self._route_number, self.costs, threads))

    @property
    def parts(self) -> list[tuple[str, int]]:
        """Name and bits of everything that may answer, in the order of the native code."""
        widths = [table.block.end - table.block.begin for table in self.signatures]
        blocks = [(f"block {number}, {width} bits", width) for number, width in enumerate(widths)]
        whole = self._contents.layout.code_length
        return [("folds", WORD_BITS), *blocks, ("lists", whole), ("fold scan", whole), ("scan", whole)]

    @property
    def _route_number(self) -> int:
        return -1 if self.route is None else ROUTES.index(self.route)


class SparseRange:
    """A range search of sparse codes, each query by a route of its own."""

    def __init__(self, searcher: SparseSearcher, rows: Words, radius: int, threads: int) -> None:
        self._searcher, self._rows, self._radius, self._threads = searcher, rows, radius, threads
        self._work: list[list[_native.SparseWork]] = []
        self._costs = [0.0, 0.0]  # expected nanoseconds by the routes, and by scans

    @property
    def reads_most(self) -> bool:
        """Whether the search touches most of the shard."""
        codes = self._searcher._contents.stored_distinct
        return CODES_A_QUERY * len(self._rows) * (self._radius + 1) >= codes

    def answer(self, part: slice, most_rows: int) -> Neighbors | None:
        """Answer a slice of the queries; None where there are more than `most_rows` neighbors."""
        of = self._searcher
        found = of.native.range(self._rows[part], self._radius, of._route_number, of.costs, most_rows, self._threads)
        if found is None:
            return None
        lists, work, by_plan, by_scan = found
        self._work.append(work)
        self._costs = [self._costs[0] + by_plan, self._costs[1] + by_scan]
        return Neighbors(*lists)

    def explained(self) -> tuple[str, tuple[TablePlan, ...]]:
        """Say how many queries took which route, and what each structure that was used did for them."""
        parts = self._searcher.parts
        works = np.array(self._work, np.float64).reshape(len(self._work), len(parts), 7)
        asked, _, probes, expected, candidates, verified, seconds = works.sum(axis=0).T
        radii = works[:, :, 1].max(axis=0, initial=-1).astype(int)
        folds, *_, lists, fold_scan, scan = asked.astype(int).tolist()
        queries = len(self._rows)
        taken = folds, queries - folds - lists - fold_scan - scan, lists, fold_scan, scan
        tables = tuple(
            table_plan(
                name,
                bits,
                int(radii[part]) if name.startswith("block") else self._radius,
                expected[part],
                (probes[part], candidates[part], verified[part], seconds[part]),
            )
            for part, (name, bits) in enumerate(parts)
            if asked[part] > 0 and scan < queries
        )
        return _reason(taken, self._costs[1] / max(self._costs[0], LEAST_NS)), tables


def _reason(taken: Sequence[int], ratio: float) -> str:
    """Say in a few words how many queries take which of ROUTES, and what scans would cost."""
    queries = sum(taken)
    if taken[-1] == queries:
        return "scan: nothing else is expected to be cheaper"
    routes = zip(ROUTES, taken, strict=True)
    said = ", ".join(f"{name} for {count:,} of {queries:,} queries" for name, count in routes if count)
    return f"{said}: a scan would cost {ratio:.1f}x as much"
