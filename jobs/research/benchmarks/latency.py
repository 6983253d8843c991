"""One query at a time, all threads, against faiss's scan; and the memory that serving it takes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

import indexer
from hashcore.codes import Codes
from hashcore.hamming import available_threads
from hashcore.neighbors import Neighbors
from indexer import Shard
from jobs.machine import dense_codes
from jobs.research.benchmarks.comparison import Comparison, compare, same_neighbors
from jobs.research.benchmarks.peers import FaissFlat, ordered

RADIUS = 4
QUERIES = 50


def run(codes: int = 62_500_000) -> Iterator[Comparison]:
    """Yield one row: each of some planted queries by itself."""
    rng = np.random.default_rng(0)
    database = dense_codes.uniform(rng, codes, 64)
    queries = dense_codes.near_duplicates(rng, database, QUERIES, RADIUS)
    with tempfile.TemporaryDirectory() as root:
        indexer.build(root, np.arange(codes), database, code_length=64)
        before = anonymous_bytes()
        shard = indexer.open(root).open_shard(0)
        one_by_one(shard, queries)
        serving = anonymous_bytes() - before
        flat = FaissFlat(database, threads=available_threads())
        row = compare(
            f"one query, {codes:,} x 64 bits, radius {RADIUS}, {available_threads()} threads",
            flat.name,
            lambda: one_by_one(shard, queries),
            lambda: [flat.raw_range_search(queries[i : i + 1], RADIUS) for i in range(len(queries))],
            equal=lambda ours, theirs: all(
                same_neighbors(one, ordered(*other)) and len(one.ids) > 0
                for one, other in zip(ours, theirs, strict=True)
            ),
            rounds=3,
            codes=codes,
            radius=RADIUS,
            queries=QUERIES,
            anonymous_bytes=serving,
        )
        yield replace(row, facts=row.facts | {"query_us": 1e6 * row.seconds / QUERIES})


def one_by_one(shard: Shard, queries: Codes) -> list[Neighbors]:
    """Return the answers to queries asked one after the other."""
    return [shard.range_search(queries[i : i + 1], RADIUS) for i in range(len(queries))]


def anonymous_bytes() -> int:
    """Return the memory of this process that is no mapped file; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
