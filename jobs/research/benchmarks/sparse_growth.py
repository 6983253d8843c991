"""Sparse codes by the hundred million: built shard by shard within bounded memory, searched cold, held against scans.

python -m jobs.research.benchmarks.sparse_growth --codes 1e8 --folder runs/growth

Sets of 8 of 512 tokens, drawn evenly; every shard is out of memory before a radius is searched.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import indexer
from hashcore import hamming
from hashcore.codes import Codes
from hashcore.neighbors import Neighbors
from jobs.research.benchmarks.comparison import same_neighbors
from jobs.research.benchmarks.growth import build_shards, search_cold
from jobs.research.benchmarks.workloads import sparse_codes

DIMENSIONS, SET_BITS = 512, 8
ROWS_PER_SHARD = 12_500_000
QUERIES = {0: 100_000, 1: 100_000, 2: 20_000, 4: 1_000}  # by radius
CHECKED = 20  # queries of each radius that are scanned for, too


@dataclass(frozen=True)
class Row:
    """One size, as measured; peak memory is that of the process, with the codes of a shard that it draws."""

    codes: int
    shards: int
    build_s: float
    bytes_per_code: float
    queries_per_s: dict[int, float]
    neighbors: dict[int, int]
    peak_gib: float


def measure(
    codes: int, folder: Path, rows_per_shard: int = ROWS_PER_SHARD, queries: Mapping[int, int] = QUERIES
) -> Row:
    """Build, search and remove an index of `codes` codes; sampled answers are asserted equal to scans."""
    root = folder / f"sparse-{codes}"
    try:
        sample = next(drawn(codes, rows_per_shard))[1][:20_000]
        layout = indexer.plan_layout(sample, code_length=DIMENSIONS, rows_per_shard=rows_per_shard, kind="sparse")
        index, build_s = build_shards(root, drawn(codes, rows_per_shard), layout, "sparse")
        asked = draw_queries(codes, rows_per_shard, queries)
        rates, neighbors = {}, {}
        for radius, part in asked.items():
            rates[radius], neighbors[radius] = search_cold(root, part, radius)
        check(index, drawn(codes, rows_per_shard), {radius: part[:CHECKED] for radius, part in asked.items()})
        size = sum(shard.bytes for shard in index.shards)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
        return Row(codes, len(index.shards), build_s, size / codes, rates, neighbors, peak)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def drawn(codes: int, rows_per_shard: int) -> Iterator[tuple[int, Codes]]:
    """Yield the codes of each shard, and the id of their first."""
    for number, start in enumerate(range(0, codes, rows_per_shard)):
        rows = min(rows_per_shard, codes - start)
        rng = np.random.default_rng([7, number])
        yield start, sparse_codes.sets(rng, rows, DIMENSIONS, SET_BITS, "uniform")


def draw_queries(codes: int, rows_per_shard: int, queries: Mapping[int, int]) -> dict[int, Codes]:
    """Return so many queries of each radius: codes of the first shard with up to half as many tokens replaced."""
    rng, (_, first) = np.random.default_rng(8), next(drawn(codes, rows_per_shard))
    return {radius: sparse_codes.swapped(rng, first, count, radius) for radius, count in queries.items()}


def check(index: indexer.Index, codes: Iterator[tuple[int, Codes]], queries: dict[int, Codes]) -> None:
    """Assert that answers equal those of a scan of all codes, drawn anew."""
    scans: dict[int, list[Neighbors]] = {radius: [] for radius in queries}
    for start, part in codes:
        for radius, some in queries.items():
            found = hamming.range_search(part, some, radius)
            scans[radius].append(Neighbors(found.offsets, found.ids + start, found.distances))
    for radius, some in queries.items():
        assert same_neighbors(index.range_search(some, radius), Neighbors.merge(scans[radius])), f"radius {radius}"


def main() -> None:
    """Measure the sizes that the arguments ask for."""
    parser = argparse.ArgumentParser(description="Build and search sparse codes of some sizes.")
    parser.add_argument("--codes", type=float, nargs="+", default=[1e7, 1e8], help="sizes")
    parser.add_argument("--folder", type=Path, required=True, help="where the indexes are built, and removed again")
    given = parser.parse_args()
    for codes in given.codes:
        print(json.dumps(asdict(measure(int(codes), given.folder))), flush=True)


if __name__ == "__main__":
    main()
