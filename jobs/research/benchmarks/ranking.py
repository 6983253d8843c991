"""Mean average precision of complete rankings: counts by distance against the sort of DeepHash-pytorch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hashcore import hamming, measures
from hashcore.codes import Codes, unpack
from hashcore.labels import Labels
from jobs.machine import dense_codes
from jobs.research.benchmarks.comparison import Comparison, compare

QUERIES = 100
CLASSES = 10
CODE_LENGTH = 64


def run(codes: int = 1_000_000) -> Iterator[Comparison]:
    """Yield one row: the lowest mAP over tie orders of clustered codes, which both sides can agree on."""
    rng = np.random.default_rng(0)
    database = dense_codes.uniform(rng, codes, CODE_LENGTH)
    queries = dense_codes.uniform(rng, QUERIES, CODE_LENGTH)
    labels = [rng.integers(0, CLASSES, n).astype(np.int32) for n in (codes, QUERIES)]
    masks = [Labels(np.arange(len(v) + 1), v).to_masks(np.arange(CLASSES, dtype=np.int32)) for v in labels]

    def ours() -> float:
        counts = hamming.relevance_counts(
            *hamming.words_of(database, queries, CODE_LENGTH), CODE_LENGTH, *masks, threads=1
        )
        return float(measures.average_precision(*counts).mean())

    row = compare(
        f"mAP, {codes:,} x {CODE_LENGTH} bits, {QUERIES} queries",
        "numpy, sorting each query's distances",
        ours,
        lambda: map_by_sorting(database, queries, labels[0], labels[1]),
        equal=lambda one, other: (
            abs(one - other) < 1e-4
        ),  # the sort takes ties as they come, we average over all orders
        rounds=3,
        codes=codes,
        code_length=CODE_LENGTH,
        queries=QUERIES,
    )
    yield replace(row, facts=row.facts | {"pairs_per_s": codes * QUERIES / row.seconds})


def map_by_sorting(
    database: Codes, queries: Codes, database_labels: NDArray[np.int32], query_labels: NDArray[np.int32]
) -> float:
    """Return mAP as DeepHash-pytorch's tools compute it: distances by matrix product, argsort, cumulative hits."""
    signs = [2.0 * unpack(codes, CODE_LENGTH).astype(np.float32) - 1 for codes in (database, queries)]
    total = 0.0
    for sign, label in zip(signs[1], query_labels, strict=True):
        distance = 0.5 * (CODE_LENGTH - sign @ signs[0].T)
        relevant = (database_labels == label)[np.argsort(distance)]
        hits = np.arange(1, relevant.sum() + 1)
        total += float(np.mean(hits / (np.flatnonzero(relevant) + 1.0)))
    return total / len(queries)
