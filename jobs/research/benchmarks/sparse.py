"""Sparse codes, one thread: every radius against our own bulk scan, and similar sets against SetSimilaritySearch."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import indexer
from hashcore import _kernels, hamming
from hashcore.codes import Codes
from hashcore.errors import require
from hashcore.neighbors import Neighbors
from jobs.research.benchmarks.comparison import Comparison, compare, same_neighbors
from jobs.research.benchmarks.workloads import sparse_codes

DIMENSIONS, SET_BITS = 512, 8
QUERIES = {0: 2000, 1: 1000, 2: 500, 4: 200, 6: 200, 8: 100, 12: 100}  # by radius: so that a round takes seconds
SET_QUERIES = 1000
SETS, DRAWN_SET_QUERIES = 1_000_000, 50  # each takes the peer some tenths of a second
THRESHOLD = 0.6  # Jaccard; of sets of 8, radius 4
ROUNDS = 3
TAGS = "mirflickr/mirflickr25k_tags_labels.npz"

Sets = list[list[int]]
Pairs = NDArray[np.int64]  # shape (2, n)


def run(codes: int = 10_000_000) -> Iterator[Comparison]:
    """Yield rows for sets of 8 of 512, drawn evenly and by Zipf's law, then for similar sets, drawn and real."""
    skews: tuple[sparse_codes.Skew, ...] = ("uniform", "zipf")
    for skew in skews:
        yield from compare_to_scan(codes, skew)
    database = sparse_codes.sets(np.random.default_rng(0), min(codes, SETS), DIMENSIONS, SET_BITS, "uniform")
    yield compare_sets(
        "drawn sets", database, sparse_codes.swapped(np.random.default_rng(1), database, DRAWN_SET_QUERIES, 4)
    )
    tags = Path(os.environ.get("HASHCORE_DATA", "data")) / TAGS
    if tags.exists():
        real = sparse_codes.tags(tags)
        yield compare_sets("MIRFlickr's tags", real, real[:: len(real) // SET_QUERIES])


def compare_to_scan(codes: int, skew: sparse_codes.Skew) -> Iterator[Comparison]:
    """Yield a row a radius: queries with up to half as many tokens replaced, against a scan of codes in columns."""
    rng = np.random.default_rng(0)
    database = sparse_codes.sets(rng, codes, DIMENSIONS, SET_BITS, skew)
    with tempfile.TemporaryDirectory() as root:
        index = indexer.build(root, np.arange(codes), database, code_length=DIMENSIONS, kind="sparse")
        asked = {radius: sparse_codes.swapped(rng, database, count, radius) for radius, count in QUERIES.items()}
        columns = hamming.to_columns(database)
        del database
        for radius, queries in asked.items():
            yield _row(index, columns, queries, radius, skew)


def _row(index: indexer.Index, columns: hamming.Words, queries: Codes, radius: int, skew: str) -> Comparison:
    """Return the row of one radius."""
    (plan,) = index.explain(queries, radius, threads=1)
    rows = hamming.to_rows(queries)
    return compare(
        f"{skew} sets, {len(index):,} x {SET_BITS} of {DIMENSIONS}, radius {radius}",
        "our scan",
        lambda: index.range_search(queries, radius, threads=1),
        lambda: Neighbors(*_kernels.scan_range_of_columns(columns, rows, radius, 1)),
        equal=lambda ours, theirs: same_neighbors(ours, theirs) and len(ours.ids) > 0,
        rounds=ROUNDS,
        codes=len(index),
        distinct=plan.distinct,
        radius=radius,
        queries=len(queries),
        neighbors=plan.neighbors,
        plan=plan.reason,
        bytes_a_posting=bytes_a_posting(index),
    )


def bytes_a_posting(index: indexer.Index) -> float:
    """Return what an index takes beside codes and ids, by set bit of its distinct codes."""
    arrays = index.open_shard(0).contents.file.arrays
    beside: int = sum(array.nbytes for name, array in arrays.items() if name not in ("codes", "ids", "row_offsets"))
    postings: int = SET_BITS * arrays["codes"].shape[1]
    return beside / postings


def compare_sets(what: str, database: Codes, queries: Codes) -> Comparison:
    """Return the row of all sets whose Jaccard similarity with a query reaches the threshold."""
    require("SetSimilaritySearch", "dev")
    from SetSimilaritySearch import SearchIndex

    peer = SearchIndex(tokens(database), similarity_func_name="jaccard", similarity_threshold=THRESHOLD)
    asked = tokens(queries)
    sizes = np.bitwise_count(database).sum(axis=1)
    with tempfile.TemporaryDirectory() as root:
        index = indexer.build(
            root, np.arange(len(database)), database, code_length=8 * database.shape[1], kind="sparse"
        )
        return compare(
            f"{what}, {len(database):,}, Jaccard {THRESHOLD}",
            "SetSimilaritySearch",
            lambda: similar(index, sizes, queries),
            lambda: [peer.query(query) for query in asked],
            equal=lambda ours, theirs: ours.shape[1] > 0 and np.array_equal(ours, as_pairs(theirs)),
            rounds=ROUNDS,
            codes=len(database),
            queries=len(queries),
            neighbors=similar(index, sizes, queries).shape[1],
        )


def similar(index: indexer.Index, sizes: NDArray[np.integer[Any]], queries: Codes) -> Pairs:
    """Return the pairs (number of a query, id of a set) that are similar enough, in order.

    |x ∩ y| / |x ∪ y| ≥ t bounds the distance of x and y by |x| (1 − t) / t: a range search for each number of tokens.
    """
    own = np.bitwise_count(queries).sum(axis=1).astype(np.int64)
    parts = []
    for size in np.unique(own):
        group = np.flatnonzero(own == size)
        radius = min(int(size * (1 - THRESHOLD) / THRESHOLD + 1e-9), index.code_length)
        near = index.range_search(queries[group], radius, threads=1)
        total = size + sizes[near.ids].astype(np.int64)
        shared = (total - near.distances) // 2
        kept = shared >= THRESHOLD * np.maximum(total - shared, 1) - 1e-9
        parts.append(np.stack([group[near.query_numbers()[kept]], near.ids[kept]]))
    return in_order(np.concatenate(parts, axis=1))


def as_pairs(answers: Sequence[Sequence[tuple[int, float]]]) -> Pairs:
    """Return the peer's answers as pairs."""
    found = [(query, int(row)) for query, answer in enumerate(answers) for row, _ in answer]
    return in_order(np.array(found, np.int64).reshape(-1, 2).T)


def in_order(pairs: Pairs) -> Pairs:
    """Return pairs by query and id."""
    return pairs[:, np.lexsort(pairs[::-1])]


def tokens(codes: Codes) -> Sets:
    """Return the numbers of each code's set bits."""
    rows, bits = np.nonzero(np.unpackbits(codes, axis=1, bitorder="little"))
    edges: Sequence[int] = np.searchsorted(rows, np.arange(1, len(codes))).tolist()
    return [part.tolist() for part in np.split(bits, edges)]
