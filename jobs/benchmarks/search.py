"""Range search by tables, one thread, against faiss's multi-index hash."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

import indexer
from hashcore.codes import Codes
from indexer import Shard
from jobs.benchmarks import data
from jobs.benchmarks.comparison import Comparison, compare, same_neighbors
from jobs.benchmarks.peers import FaissMultiHash, ordered

ROUNDS = 3


class Case(NamedTuple):
    """Codes to search, and the substrings that suit the peer: it needs tables × bits ≤ code_length."""

    code_length: int
    share: float  # of the codes asked for
    tables: int
    bits: int
    queries: dict[int, int]  # by radius; so many that one round of the peer takes half a minute at most


CASES = (
    Case(64, 1.0, 3, 21, {2: 200_000, 5: 200_000, 8: 10_000}),
    Case(128, 0.625, 5, 25, {4: 200_000, 9: 200_000}),
    Case(256, 0.25, 10, 22, {9: 200_000, 19: 100_000}),
)


def run(codes: int = 16_000_000) -> Iterator[Comparison]:
    """Yield a row for each code length and radius: uniform codes, queries a few bits away from some of them."""
    rng = np.random.default_rng(0)
    for case in CASES:
        database = data.uniform(rng, int(codes * case.share), case.code_length)
        peer = FaissMultiHash(database, case.tables, case.bits)
        with tempfile.TemporaryDirectory() as root:
            index = indexer.build(root, np.arange(len(database)), database, code_length=case.code_length)
            for radius, queries in case.queries.items():
                asked = data.near_duplicates(rng, database, queries, min(radius, 4))
                yield compare_search(index.open_shard(0), peer, asked, radius)


def compare_search(shard: Shard, peer: FaissMultiHash, queries: Codes, radius: int) -> Comparison:
    """Return the row of one radius."""
    return compare(
        f"tables, {shard.rows:,} x {shard.layout.code_length} bits, radius {radius}",
        peer.name,
        lambda: shard.range_search(queries, radius, threads=1),
        lambda: peer.raw_range_search(queries, radius),
        equal=lambda ours, theirs: same_neighbors(ours, ordered(*theirs)) and len(ours.ids) > 0,
        rounds=ROUNDS,
        codes=shard.rows,
        code_length=shard.layout.code_length,
        radius=radius,
        queries=len(queries),
        plan=list(shard.plan(queries, radius).radii),
    )
