"""Building a shard's tables, one thread, against adding to faiss's multi-index hash; and opening against loading."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import indexer
from hashcore.codes import Codes
from hashcore.neighbors import Neighbors
from indexer.shards.builder import arrange
from indexer.shards.keys import Items
from jobs.machine import dense_codes
from jobs.research.benchmarks.comparison import Comparison, compare, same_neighbors
from jobs.research.benchmarks.peers import FaissMultiHash, ordered

RADIUS = 2


def run(codes: int = 16_000_000) -> Iterator[Comparison]:
    """Yield a row for building in memory, one for building files, and one for opening to the first answer."""
    rng = np.random.default_rng(0)
    database = dense_codes.uniform(rng, codes, 64)
    queries = dense_codes.near_duplicates(rng, database, 100, RADIUS)
    yield compare_arrays(database)
    with tempfile.TemporaryDirectory() as folder:
        yield compare_files(database, queries, Path(folder))
        yield compare_opening(database, queries, Path(folder))


def compare_arrays(database: Codes) -> Comparison:
    """Return the row of sorting, grouping and three tables, as arrays in memory."""
    ids = np.arange(len(database))
    layout = indexer.plan_layout(database[:20_000], code_length=64, rows_per_shard=len(database))

    def same_size(ours: tuple[dict[str, Any], dict[str, Any]], theirs: FaissMultiHash) -> bool:
        return int(ours[1]["rows"]) == int(theirs.index.ntotal)

    return compare(
        f"tables in memory, {len(database):,} x 64 bits",
        "faiss IndexBinaryMultiHash.add",
        lambda: arrange(Items(ids, None), database, None, layout, 1),
        lambda: FaissMultiHash(database, 3, 21),
        equal=same_size,
        rounds=3,
        codes=len(database),
    )


def compare_files(database: Codes, queries: Codes, folder: Path) -> Comparison:
    """Return the row of an index on disk, every byte hashed and synced."""
    ids = np.arange(len(database))

    def ours() -> indexer.Index:
        return indexer.build(str(folder / "index"), ids, database, code_length=64)

    def same(index: indexer.Index, peer: FaissMultiHash) -> bool:
        return same_neighbors(index.range_search(queries, RADIUS), peer.range_search(queries, RADIUS))

    return compare(
        f"index on disk, {len(database):,} x 64 bits",
        "faiss IndexBinaryMultiHash.add, in memory",
        ours,
        lambda: FaissMultiHash(database, 3, 21),
        equal=same,
        rounds=1,
        codes=len(database),
    )


def compare_opening(database: Codes, queries: Codes, folder: Path) -> Comparison:
    """Return the row of opening an index on disk and answering a few queries."""
    import faiss

    path = str(folder / "faiss.index")
    faiss.write_index_binary(FaissMultiHash(database, 3, 21).index, path)

    def theirs() -> Neighbors:
        index: Any = faiss.read_index_binary(path)
        index.nflip = RADIUS // 3
        return ordered(*index.range_search(queries, RADIUS + 1))

    return compare(
        f"open to first answers, {len(database):,} x 64 bits",
        "faiss read_index_binary",
        lambda: indexer.open(str(folder / "index")).range_search(queries, RADIUS, threads=1),
        theirs,
        equal=same_neighbors,
        rounds=2,
        codes=len(database),
    )
