"""The linear scan: every code against every query, one thread, against faiss's."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hashcore import hamming
from hashcore.codes import Codes
from jobs.machine import dense_codes
from jobs.research.benchmarks.comparison import Comparison, compare, same_neighbors
from jobs.research.benchmarks.peers import FaissFlat, ordered

QUERIES = 200


def run(codes: int = 10_000_000) -> Iterator[Comparison]:
    """Yield a row for each code length: bulk range search of codes planted within the radius."""
    rng = np.random.default_rng(0)
    for code_length, radius in ((64, 8), (64, 16), (128, 16), (256, 16)):
        database = dense_codes.uniform(rng, codes, code_length)
        queries = dense_codes.near_duplicates(rng, database, QUERIES, radius // 2)
        yield compare_scan(database, queries, radius)


def compare_scan(database: Codes, queries: Codes, radius: int) -> Comparison:
    """Return the row of one code length and radius."""
    code_length = 8 * database.shape[1]
    flat = FaissFlat(database)
    return compare(
        f"scan, {len(database):,} x {code_length} bits, radius {radius}",
        flat.name,
        lambda: hamming.range_search(database, queries, radius, threads=1),
        lambda: flat.raw_range_search(queries, radius),
        equal=lambda ours, theirs: same_neighbors(ours, ordered(*theirs)) and len(ours.ids) >= len(queries),
        codes=len(database),
        code_length=code_length,
        radius=radius,
        queries=len(queries),
    )
