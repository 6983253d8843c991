"""k-NN by tables, one thread, against the better of faiss's scan and our own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import numpy as np

import indexer
from hashcore import hamming
from hashcore.codes import Codes
from hashcore.neighbors import Neighbors
from indexer import Shard
from jobs.machine import dense_codes
from jobs.research.benchmarks.comparison import Comparison, compare, same_neighbors
from jobs.research.benchmarks.peers import FaissFlat

QUERIES = 1000
ROUNDS = 3


def run(codes: int = 16_000_000) -> Iterator[Comparison]:
    """Yield rows for uniform codes with uniform queries, the hard case, and for clustered ones, the usual case."""
    rng = np.random.default_rng(0)
    database = dense_codes.uniform(rng, codes, 64)
    yield from compare_kind("uniform", database, dense_codes.uniform(rng, QUERIES, 64))
    database = dense_codes.clustered(rng, codes, 64, centers=1000, noise=0.03)
    yield from compare_kind("clustered", database, dense_codes.near_duplicates(rng, database, QUERIES, 2))


def compare_kind(kind: str, database: Codes, queries: Codes) -> Iterator[Comparison]:
    """Yield two rows a k: against faiss's scan and against ours."""
    flat = FaissFlat(database)
    with tempfile.TemporaryDirectory() as root:
        shard = indexer.build(root, np.arange(len(database)), database, code_length=64).open_shard(0)
        for k in (1, 10, 100):
            work = f"{k}-NN, {len(database):,} x 64 bits, {kind}"
            facts = {"codes": len(database), "code_length": 64, "k": k, "queries": len(queries)}
            yield compare_to_scan(work, shard, database, queries, k, facts)
            yield compare_to_faiss(work, shard, flat, queries, k, facts)


def compare_to_scan(
    work: str, shard: Shard, database: Codes, queries: Codes, k: int, facts: dict[str, int]
) -> Comparison:
    """Return the row against our own scan, whose ids are those of the index."""
    return compare(
        work,
        "our scan",
        lambda: shard.knn_search(queries, k, threads=1),
        lambda: hamming.knn_search(database, queries, k, threads=1),
        equal=same_neighbors,
        rounds=ROUNDS,
        **facts,
    )


def compare_to_faiss(
    work: str, shard: Shard, flat: FaissFlat, queries: Codes, k: int, facts: dict[str, int]
) -> Comparison:
    """Return the row against faiss; it leaves the order of ties open, so distances are compared."""

    def equal(ours: Neighbors, theirs: tuple[np.ndarray, np.ndarray]) -> bool:
        return bool((ours.distances.reshape(-1, k) == np.sort(theirs[0], axis=1)).all())

    return compare(
        work,
        flat.name,
        lambda: shard.knn_search(queries, k, threads=1),
        lambda: flat.knn_search(queries, k),
        equal=equal,
        rounds=ROUNDS,
        **facts,
    )
