"""What the papers' tables print, beside `hashcore.evaluation.measure`: each from counts at each distance.

`distinct codes` counts over database and queries, `neighbors(r<=d)` the items of the database within d bits and the
query itself, `F1 of means(r<=d)` is the harmonic mean of mean precision and mean recall: SparseHash's Tables 2 and 5.
`AH kNN error@k` ranks by the asymmetric distance of HDML eq. 11, from the queries' projections.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcore import asymmetric, measures
from hashcore.codes import Codes
from hashcore.errors import InvalidInputError
from hashcore.evaluation import measure
from hashcore.evaluation.classification import classify
from hashcore.hamming import knn_search, relevance_histograms
from hashcore.neighbors import Neighbors

SPECIAL = re.compile(r"distinct codes|(neighbors|F1 of means)\(r<=(?P<radius>\d+)\)|(AH )?kNN error@(?P<k>[1-9]\d*)")


class Ranked(NamedTuple):
    """Codes of a database and of queries, with counts of the complete ranking.

    Attributes:
        database: Codes of the database.
        queries: Codes of the queries.
        database_classes: int32, shape (n,).
        query_classes: int32, shape (q,).
        all_counts: Items at each distance of each query, shape (q, code_length + 1).
        relevant_counts: Those of the query's class.
        projections: Of database and queries, where the codes are signs of projections.
    """

    database: Codes
    queries: Codes
    database_classes: NDArray[np.int32]
    query_classes: NDArray[np.int32]
    all_counts: NDArray[np.int64]
    relevant_counts: NDArray[np.int64]
    projections: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None


class Value(NamedTuple):
    """A figure, and half the distance between the worst and the best order of ties; 0 where ties do not matter."""

    mean: float
    ties: float = 0.0


def rank(
    database: Codes,
    queries: Codes,
    code_length: int,
    database_classes: NDArray[np.int32],
    query_classes: NDArray[np.int32],
    *,
    threads: int = 0,
) -> Ranked:
    """Return the complete ranking of a database for each query; relevant is an item of the query's class."""
    masks = [np.uint64(1) << classes.astype(np.uint64)[:, None] for classes in (database_classes, query_classes)]
    counts = relevance_histograms(database, queries, code_length, *masks, threads=threads)
    return Ranked(database, queries, database_classes, query_classes, *counts)


def parse(text: str) -> Callable[[Ranked], Value]:
    """Return the measure of a name.

    Raises:
        InvalidInputError: If no measure has it.
    """
    special = SPECIAL.fullmatch(text)
    if special is None:
        known = measure.parse(text)
        return lambda ranked: _known(known, ranked)
    radius, k = (int(special[name] or 0) for name in ("radius", "k"))
    special_measures: dict[str, Callable[[Ranked], Value]] = {
        "distinct codes": lambda ranked: Value(len(np.unique(_all_codes(ranked), axis=0))),
        "neighbors": lambda ranked: Value(1 + float(ranked.all_counts[:, : radius + 1].sum(axis=1).mean())),
        "F1 of means": lambda ranked: Value(_f1_of_means(ranked, radius)),
        "kNN error": lambda ranked: Value(_vote_error(ranked, k)),
        "AH kNN error": lambda ranked: Value(_asymmetric_vote_error(ranked, k)),
    }
    return special_measures[text.partition("(")[0].partition("@")[0]]


def _known(measure: measure.Measure, ranked: Ranked) -> Value:
    """Return the mean over queries, in the expectation over orders of ties."""
    counts = (ranked.all_counts, ranked.relevant_counts)
    mean = measures.mean(measure.per_query(*counts))
    if not measure.has_ties:
        return Value(mean)
    best, worst = (measures.mean(measure.per_query(*counts, ties)) for ties in ("best", "worst"))
    return Value(mean, (best - worst) / 2)


def _all_codes(ranked: Ranked) -> Codes:
    """Return the codes of database and queries: the papers count over the whole set."""
    return np.concatenate([ranked.database, ranked.queries])


def _f1_of_means(ranked: Ranked, radius: int) -> float:
    """Return the harmonic mean of the mean precision and the mean recall within a radius (SparseHash's tables)."""
    counts = (ranked.all_counts, ranked.relevant_counts)
    precision = measures.mean(measures.precision_within(*counts, radius))
    recall = measures.mean(measures.recall_within(*counts, radius))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _vote_error(ranked: Ranked, k: int) -> float:
    """Return the share of queries whose class the vote of their k nearest items misses."""
    neighbors = knn_search(ranked.database, ranked.queries, k)
    return float((classify(neighbors, ranked.database_classes[neighbors.ids], k) != ranked.query_classes).mean())


def _asymmetric_vote_error(ranked: Ranked, k: int) -> float:
    """Return the share of queries whose class the vote of their k nearest items by asymmetric distance misses.

    Raises:
        InvalidInputError: If there are no projections.
    """
    if ranked.projections is None:
        raise InvalidInputError("measure AH kNN error: the asymmetric distance needs the queries' projections")
    database, queries = ranked.projections
    rows = asymmetric.nearest(ranked.database, queries, asymmetric.slopes(database), k)
    offsets = np.arange(len(rows) + 1, dtype=np.int64) * k
    neighbors = Neighbors(offsets, rows.ravel(), np.zeros(rows.size, np.uint16))
    return float((classify(neighbors, ranked.database_classes[neighbors.ids], k) != ranked.query_classes).mean())


def euclidean(
    measure: str,
    database: NDArray[np.float32],
    queries: NDArray[np.float32],
    database_classes: NDArray[np.int32],
    query_classes: NDArray[np.int32],
) -> Value:
    """Return the mAP of the complete ranking by Euclidean distance; of items at one distance the earlier comes first.

    Raises:
        InvalidInputError: If another measure is wanted.
    """
    if measure != "mAP":
        raise InvalidInputError(f"measure {measure}: a ranking by Euclidean distance is judged by mAP alone")
    norms = (database**2).sum(axis=1)
    values = []
    for query, wanted in zip(queries, query_classes, strict=True):
        order = np.argsort(norms - 2 * database @ query, kind="stable")
        ranks = np.flatnonzero(database_classes[order] == wanted) + 1
        values.append(float((np.arange(1, len(ranks) + 1) / ranks).mean()) if len(ranks) else np.nan)
    return Value(measures.mean(np.array(values)))
