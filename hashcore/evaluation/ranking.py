"""A complete ranking of a database by each query, as the measures see it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcore.codes import Codes
from hashcore.hamming import relevance_counts, words_of


class Ranking(NamedTuple):
    """Codes of a database and of queries, with counts of the complete ranking.

    Attributes:
        database: Codes of the database, shape (n, bytes).
        queries: Codes of the queries, shape (q, bytes).
        database_classes: int32, shape (n,).
        query_classes: int32, shape (q,).
        all_counts: Items at each distance of each query, shape (q, code_length + 1).
        relevant_counts: Those of the query's class, of the same shape.
        projections: Of database and queries, where the codes are signs of projections.
    """

    database: Codes
    queries: Codes
    database_classes: NDArray[np.int32]
    query_classes: NDArray[np.int32]
    all_counts: NDArray[np.int64]
    relevant_counts: NDArray[np.int64]
    projections: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None


def rank(
    database: Codes,
    queries: Codes,
    code_length: int,
    database_classes: NDArray[np.int32],
    query_classes: NDArray[np.int32],
    *,
    threads: int = 0,
) -> Ranking:
    """Return the complete ranking of a database for each query; relevant is an item of the query's class.

    Args:
        database: Codes, uint8 of shape (n, bytes).
        queries: Codes, uint8 of shape (q, bytes).
        code_length: Bits of a code.
        database_classes: Class of each item, 0..63, shape (n,).
        query_classes: Class of each query, 0..63, shape (q,).
        threads: 0 for as many as there are processors.
    """
    masks = [np.uint64(1) << classes.astype(np.uint64)[:, None] for classes in (database_classes, query_classes)]
    counts = relevance_counts(*words_of(database, queries, code_length), code_length, *masks, threads=threads)
    return Ranking(database, queries, database_classes, query_classes, *counts)
