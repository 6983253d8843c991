"""Growth of cost with the number of codes, beside the predictions of `hashcore plan`: build, size, cold searches.

python -m jobs.research.benchmarks.growth --codes 1e7 1e8 1e9 --folder runs/growth

Uniform 64-bit codes, queries planted up to 4 bits away from some of them; every shard is out of memory before a search.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

import indexer
from hashcore.codes import Codes, Kind
from hashcore.machine import limits
from indexer import Index, Layout
from indexer.tasks import ROWS_PER_SHARD
from jobs.machine import dense_codes, measuring, plan
from jobs.research.benchmarks.comparison import machine

CODE_LENGTH = 64
BATCHES = {4: 1_000_000, 8: 100_000}  # queries, by radius


@dataclass(frozen=True)
class Row:
    """One size: measured, and predicted before."""

    codes: int
    shards: int
    build_s: float
    predicted_build_s: float
    bytes_per_code: float
    predicted_bytes_per_code: float
    queries_per_s: dict[int, float]
    predicted_queries_per_s: dict[int, float]
    neighbors: dict[int, int]


def measure(codes: int, constants: measuring.Constants, folder: Path) -> Row:
    """Build, search cold and remove an index of `codes` codes."""
    root, cores = folder / f"index-{codes}", limits.cores()
    try:
        index, queries, build_s = build(root, codes)
        expected = {r: plan.predict(constants, codes, CODE_LENGTH, r, cores, queries=n) for r, n in BATCHES.items()}
        rates, neighbors = {}, {}
        for radius, count in BATCHES.items():
            rates[radius], neighbors[radius] = search_cold(root, queries[:count], radius)
        any_radius = next(iter(expected.values()))
        return Row(
            codes=codes,
            shards=len(index.shards),
            build_s=build_s,
            predicted_build_s=any_radius.build_s,
            bytes_per_code=sum(shard.bytes for shard in index.shards) / codes,
            predicted_bytes_per_code=any_radius.bytes_per_code,
            queries_per_s=rates,
            predicted_queries_per_s={r: BATCHES[r] / found.cold_s for r, found in expected.items()},
            neighbors=neighbors,
        )
    finally:
        shutil.rmtree(root, ignore_errors=True)


def build(root: Path, codes: int) -> tuple[Index, Codes, float]:
    """Build an index shard by shard; return it, the planted queries and the seconds spent building."""
    rng = np.random.default_rng(0)
    count = -(-codes // ROWS_PER_SHARD)
    bounds = [codes * i // count for i in range(count + 1)]
    layout = indexer.plan_layout(
        dense_codes.uniform(rng, 20_000, CODE_LENGTH), code_length=CODE_LENGTH, rows_per_shard=bounds[1]
    )
    planted = []

    def parts() -> Iterator[tuple[int, Codes]]:
        for start, stop in pairwise(bounds):
            part = dense_codes.uniform(rng, stop - start, CODE_LENGTH)
            planted.append(dense_codes.near_duplicates(rng, part, -(-max(BATCHES.values()) // count), flips=4))
            yield start, part

    index, seconds = build_shards(root, parts(), layout)
    queries = np.concatenate(planted)
    return index, queries[rng.permutation(len(queries))], seconds


def build_shards(
    root: Path, parts: Iterable[tuple[int, Codes]], layout: Layout, kind: Kind = "dense"
) -> tuple[Index, float]:
    """Build an index of the codes of each shard and the id of their first; return it and the seconds spent building."""
    entries, seconds = [], 0.0
    for start, part in parts:
        began_s = time.perf_counter()
        entries.append(indexer.build_shard(str(root), np.arange(start, start + len(part)), part, layout=layout))
        seconds += time.perf_counter() - began_s
    return indexer.commit(str(root), entries, kind=kind, layout=layout), seconds


def search_cold(root: Path, queries: Codes, radius: int) -> tuple[float, int]:
    """Search an index that is opened anew, its shards out of memory; return queries a second, and neighbors found."""
    for path in (root / "shards").iterdir():
        with path.open("rb") as file:
            measuring.forget(file.fileno())
    started = time.perf_counter()
    found = sum(len(part.ids) for _, part in indexer.open(str(root)).iter_range_search(queries, radius))
    return len(queries) / (time.perf_counter() - started), found


def main() -> None:
    """Measure the sizes that the arguments ask for."""
    parser = argparse.ArgumentParser(description="Measure how cost grows, beside what plan predicts.")
    parser.add_argument("--codes", type=float, nargs="+", default=[1e7, 1e8, 1e9], help="sizes")
    parser.add_argument("--folder", type=Path, required=True, help="where the indexes are built, and removed again")
    parser.add_argument("--json", type=Path, help="write the rows, and the machine, to a file")
    given = parser.parse_args()
    constants, rows = measuring.measure(CODE_LENGTH), []
    for codes in given.codes:
        rows.append(measure(int(codes), constants, given.folder))
        print(json.dumps(asdict(rows[-1])), flush=True)
    if given.json:
        facts = {"machine": machine(), "constants": asdict(constants), "rows": [asdict(row) for row in rows]}
        given.json.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
