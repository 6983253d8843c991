"""One opened shard of sparse codes: each query takes the cheapest of fold table, signatures, lists and scans."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcore import hamming
from hashcore.arguments import check_whole
from hashcore.codes import Codes
from hashcore.hamming import Words
from hashcore.machine.processors import check_threads
from hashcore.neighbors import Neighbors
from indexer import _native
from indexer.explanation import ShardPlan, TablePlan
from indexer.shards.result_blocks import MAX_RESULT_BYTES, search_blocks
from indexer.shards.shard import Shard
from indexer.structures.fold_order import WORD_BITS
from indexer.structures.search_plan import LEAST_NS, Allocation
from indexer.structures.signature_blocks import Block

Route = Literal["folds", "signatures", "lists", "fold scan", "scan"]
ROUTES: tuple[Route, ...] = ("folds", "signatures", "lists", "fold scan", "scan")
CODES_A_QUERY = 64  # that a query touches for each bit of radius, about: each costs a page
WORK = ("queries", "radius", "probes", "expected", "candidates", "verified", "seconds")  # as the native code tells it


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


class SparseShard(Shard):
    """A shard of sparse codes, opened; safe to use from several threads.

    Attributes:
        sparse_costs: By which each query's route is chosen.
        route: Makes every query take this route where it can answer, else a scan; None lets costs decide.
    """

    def __init__(self, path: Path, digest: str | None = None, *, deleted: NDArray[np.uint32] | None = None) -> None:
        super().__init__(path, digest, deleted=deleted)
        self.sparse_costs = SparseCosts()
        self.route: Route | None = None
        self._sparse = self._open_sparse()

    def range_searcher(
        self, queries: Codes, radius: int, *, threads: int = 0
    ) -> Callable[[slice, int], Neighbors | None]:
        """Return the function that answers a slice of the queries, within a number of rows.

        The file is read ahead where the search touches most of it.
        """
        rows, threads = self._query_rows(queries), check_threads(threads)
        radius = hamming.check_radius(radius, self.layout.code_length)
        if CODES_A_QUERY * len(rows) * (radius + 1) >= self.stored_distinct:
            self.file.will_need()

        def search(part: slice, most_rows: int) -> Neighbors | None:
            found = self._range(rows[part], radius, most_rows, threads)
            return None if found is None else Neighbors(*found[0])

        return search

    def knn_search(self, queries: Codes, k: int, *, threads: int = 0) -> Neighbors:
        """Find the k nearest items of each query (all items where there are fewer), ordered by (distance, id)."""
        rows, threads, k = self._query_rows(queries), check_threads(threads), check_whole(k, "k", 1)
        if not len(rows) or not self.rows:
            return Neighbors.empty(len(rows))
        k, farthest, route = min(k, self.rows), self.layout.code_length, self._route_number
        return Neighbors(*self._sparse.nearest(rows, k, farthest, route, self.sparse_costs, threads))

    def explain(self, queries: Codes, radius: int, *, threads: int = 0) -> ShardPlan:
        """Search, and say how: which routes the queries took, and the expected and actual work of each structure."""
        start = time.perf_counter()
        rows, neighbors, threads = self._query_rows(queries), 0, check_threads(threads)
        work, costs = np.zeros((len(self._structures()), len(WORK))), np.zeros(2)
        work[:, WORK.index("radius")] = -1
        radius = hamming.check_radius(radius, self.layout.code_length)

        def search(part: slice, most_rows: int) -> Neighbors | None:
            found = self._range(rows[part], radius, most_rows, threads)
            if found is None:
                return None
            _add(work, np.array(found[1]))
            costs[:] += found[2:]
            return Neighbors(*found[0])

        for _, part in search_blocks(search, len(rows), MAX_RESULT_BYTES):
            neighbors += len(part.ids)
        tables = tuple(
            _table_plan(*structure, radius, done)
            for structure, done in zip(self._structures(), work, strict=True)
            if done[0] > 0 and work[-1, 0] < len(rows)
        )
        folds, *_, lists, fold_scan, scan = work[:, 0].astype(int).tolist()
        taken = folds, len(rows) - folds - lists - fold_scan - scan, lists, fold_scan, scan
        reason = _reason(taken, costs[1] / max(costs[0], LEAST_NS))
        seconds = time.perf_counter() - start
        return ShardPlan(self.name, self.rows, self.distinct, reason, tables, neighbors, seconds)

    def plan(self, queries: Codes, radius: int) -> Routes:
        """Return the plan of a range search: which routes the queries take, and the mean cost expected of one."""
        rows, radius = self._query_rows(queries), hamming.check_radius(radius, self.layout.code_length)
        taken, by_plan, by_scan = self._sparse.routes(rows, radius, self._route_number, self.sparse_costs)
        many = max(len(rows), 1)
        return Routes((), (), (), by_plan / many, by_scan / many, tuple(taken))

    def _structures(self) -> list[tuple[str, int]]:
        """Return name and bits of everything that may answer, in the order of the native code."""
        widths = [block.end - block.begin for block in self._blocks]
        blocks = [(f"block {number}, {width} bits", width) for number, width in enumerate(widths)]
        return [
            ("folds", WORD_BITS),
            *blocks,
            *((name, self.layout.code_length) for name in ("lists", "fold scan", "scan")),
        ]

    def _range(self, rows: Words, radius: int, most_rows: int, threads: int) -> _native.SparseAnswer | None:
        """Answer queries as stored words; None where there are more than `most_rows` neighbors."""
        return self._sparse.range(rows, radius, self._route_number, self.sparse_costs, most_rows, threads)

    @property
    def _route_number(self) -> int:
        return -1 if self.route is None else ROUTES.index(self.route)

    @property
    def _blocks(self) -> tuple[Block, ...]:
        """The blocks that have tables; none where the shard is small."""
        return self.layout.blocks if "block0.offsets" in self.file.arrays else ()

    def _open_sparse(self) -> _native.SparseTables:
        """Hand the mapped arrays to the native code."""
        blocks = [self._block(number, block) for number, block in enumerate(self._blocks)]
        return _native.SparseTables(*self._row_arrays(), self._folds(), blocks, self._lists())

    def _folds(self) -> _native.FoldArrays | None:
        """Return the fold table, or None where the shard is small."""
        if "folds.tags" not in self.file.arrays:
            return None
        arrays = self.file.arrays
        sizes, starts = arrays["classes.sizes"], arrays["classes.starts"]
        return sizes, starts, arrays["folds.offsets"], arrays["folds.before"], arrays["folds.tags"]

    def _block(self, number: int, block: Block) -> _native.BlockArrays:
        """Return what the native code needs of one block's table."""
        arrays, name = self.file.arrays, f"block{number}"
        entries = arrays[f"{name}.offsets"], arrays[f"{name}.words"], arrays[f"{name}.positions"]
        return block.begin, block.end, block.bits, *entries

    def _lists(self) -> _native.ListArrays | None:
        """Return the inverted lists, or None where there are none."""
        if "lists.bytes" not in self.file.arrays:
            return None
        arrays = self.file.arrays
        return arrays["lists.offsets"], arrays["lists.counts"].reshape(-1), arrays["lists.bytes"]


def _add(work: NDArray[np.float64], done: NDArray[np.float64]) -> None:
    """Add what one part of the queries cost; radii grow instead."""
    radius = WORK.index("radius")
    most = np.maximum(work[:, radius], done[:, radius])
    work += done
    work[:, radius] = most


def _table_plan(name: str, bits: int, radius: int, done: NDArray[np.float64]) -> TablePlan:
    """Return what one structure did; a block's radius is its own, all others search the whole code."""
    work = dict(zip(WORK, done.tolist(), strict=True))
    return TablePlan(
        name=name,
        bits=bits,
        radius=int(work["radius"]) if name.startswith("block") else radius,
        probes=int(work["probes"]),
        expected_candidates=work["expected"],
        candidates=int(work["candidates"]),
        verified=int(work["verified"]),
        seconds=work["seconds"],
    )


def _reason(taken: Sequence[int], ratio: float) -> str:
    """Say in a few words how many queries take which of ROUTES, and what scans would cost."""
    queries = sum(taken)
    if taken[-1] == queries:
        return "scan: nothing else is expected to be cheaper"
    routes = zip(ROUTES, taken, strict=True)
    said = ", ".join(f"{name} for {count:,} of {queries:,} queries" for name, count in routes if count)
    return f"{said}: a scan would cost {ratio:.1f}x as much"
