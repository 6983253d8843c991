"""Exact Hamming search by linear scan, and histograms of distances, on SIMD kernels chosen at run time.

This is the oracle of every index and the baseline of every benchmark: it reads each code once per block of queries and
gives up an item as soon as its first 64 bits differ too much.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from hashcore import _kernels
from hashcore.built import check_built
from hashcore.codes import Codes
from hashcore.errors import InvalidInputError
from hashcore.neighbors import Neighbors

Words = NDArray[np.uint64]
MOST_CODES = 2**32

check_built(_kernels)

__all__ = [
    "Neighbors",
    "available_isas",
    "available_threads",
    "distance_histogram",
    "isa",
    "knn_search",
    "range_search",
    "relevance_histograms",
    "to_columns",
    "to_rows",
]


def available_isas() -> list[str]:
    """Return the names of the instruction sets that this processor has kernels for, best last."""
    return list(_kernels.available_isas())


def isa() -> str:
    """Return the instruction set in use: the best one here, or the one that HASHCORE_ISA names."""
    try:
        return str(_kernels.chosen_isa())
    except ValueError as error:
        raise InvalidInputError(str(error)) from None


def available_threads() -> int:
    """Return the processors this process may run on, or HASHCORE_THREADS where that is set."""
    return int(os.environ.get("HASHCORE_THREADS", "0")) or len(os.sched_getaffinity(0))


def range_search(database: Codes, queries: Codes, radius: int, *, threads: int = 0) -> Neighbors:
    """Find every code within `radius` bits of each query.

    Args:
        database: Codes, uint8, shape (n, bytes).
        queries: Codes of the same width, shape (q, bytes).
        radius: Largest distance that counts, in bits, inclusive.
        threads: Threads to use; 0 takes every processor this process may run on.

    Returns:
        Row numbers of `database`, ordered by (distance, row) for each query.

    Raises:
        InvalidInputError: If widths differ or the radius is negative or exceeds the bits of a code.

    >>> database = np.array([[0b0000], [0b0111], [0b0001]], np.uint8)
    >>> found = range_search(database, np.array([[0b0000]], np.uint8), 1)
    >>> found.ids.tolist(), found.distances.tolist()
    ([0, 2], [0, 1])
    """
    database, queries = _check_pair(database, queries)
    check_radius(radius, 8 * database.shape[1])
    check_scannable(len(database))
    if not len(database) or not len(queries):
        return Neighbors.empty(len(queries))
    isa()
    return Neighbors(*_kernels.scan_range(database, to_rows(queries), int(radius), threads or available_threads()))


def knn_search(database: Codes, queries: Codes, k: int, *, threads: int = 0) -> Neighbors:
    """Find the k nearest codes of each query; among equal distances the lower row number comes first.

    Args and Raises as `range_search`; `k` must lie in 1..n.

    >>> database = np.array([[0b0000], [0b0111], [0b0001]], np.uint8)
    >>> knn_search(database, np.array([[0b0011]], np.uint8), 2).ids.tolist()
    [1, 2]
    """
    database, queries = _check_pair(database, queries)
    check_k(k, len(database), "the database")
    check_scannable(len(database))
    if not len(queries):
        return Neighbors.empty(0)
    isa()
    threads = threads or available_threads()
    return Neighbors(*_kernels.scan_nearest(database, to_rows(queries), int(k), threads))


def check_scannable(codes: int) -> None:
    """Raise InvalidInputError where row numbers do not fit 32 bits."""
    if codes > MOST_CODES:
        raise InvalidInputError(
            f"{codes:,} codes exceed the {MOST_CODES:,} that one scan numbers; build an index of them"
        )


def distance_histogram(database: Codes, queries: Codes, code_length: int, *, threads: int = 0) -> NDArray[np.int64]:
    """Count the codes at each distance of each query: shape (q, code_length + 1), element [i, d] at distance d."""
    none = np.zeros((0, 0), np.uint64)
    return relevance_histograms(database, queries, code_length, none, none, threads=threads)[0]


def relevance_histograms(
    database: Codes,
    queries: Codes,
    code_length: int,
    database_relevance: Words,
    query_relevance: Words,
    *,
    threads: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count all codes, and the relevant ones, at each distance of each query.

    Args:
        database: Codes, shape (n, bytes).
        queries: Codes, shape (q, bytes).
        code_length: Bits of a code.
        database_relevance: Label bit masks, uint64, shape (n, words).
        query_relevance: Label bit masks, uint64, shape (q, words); a pair is relevant where a bit is shared.
        threads: Threads to use; 0 takes every processor this process may run on.

    Returns:
        Two int64 arrays of shape (q, code_length + 1): all items, and relevant items, at each distance.
    """
    database, queries = _check_pair(database, queries)
    if 8 * database.shape[1] < code_length:
        raise InvalidInputError(f"codes of {database.shape[1]} bytes hold fewer than code_length={code_length} bits")
    return histograms_of_columns(
        to_columns(database), to_rows(queries), code_length, database_relevance, query_relevance, threads=threads
    )


def histograms_of_columns(
    columns: Words,
    query_rows: Words,
    code_length: int,
    item_relevance: Words,
    query_relevance: Words,
    *,
    threads: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Do as `relevance_histograms`, for items as `to_columns` and queries as `to_rows` return them."""
    counts = np.zeros((2, len(query_rows), code_length + 1), np.int64)
    if columns.shape[1] and len(query_rows):
        isa()
        masks = np.ascontiguousarray(item_relevance.T), np.ascontiguousarray(query_relevance)
        _kernels.scan_histogram(columns, query_rows, *masks, counts[0], counts[1], threads or available_threads())
    return counts[0], counts[1]


def to_columns(codes: Codes) -> Words:
    """Return codes as 64-bit words, column by column: element [w, i] is word w of code i; shape (words, n)."""
    if codes.shape[1] == 8:
        return codes.view("<u8").reshape(1, -1)
    columns = np.empty(((codes.shape[1] + 7) // 8, len(codes)), np.uint64)
    _kernels.to_columns(codes, columns)
    return columns


def to_rows(codes: Codes) -> Words:
    """Return codes as 64-bit words, row by row: element [i, w] is word w of code i; shape (n, words)."""
    if codes.shape[1] % 8 == 0:
        return codes.view("<u8")
    return np.ascontiguousarray(to_columns(codes).T)


def check_radius(radius: int, code_length: int) -> int:
    """Return `radius` if it is a whole number in 0..code_length, else raise InvalidInputError."""
    if isinstance(radius, bool) or not isinstance(radius, (int, np.integer)) or not 0 <= radius <= code_length:
        raise InvalidInputError(f"radius={radius!r} is not a number of bits of a code; use 0..{code_length}")
    return int(radius)


def check_k(k: int, size: int, where: str) -> int:
    """Return `k` if it is a whole number in 1..size, else raise InvalidInputError that names both numbers."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise InvalidInputError(f"k={k!r} is not a number of neighbours; use 1..{size}")
    if k > size:
        raise InvalidInputError(f"k={k} exceeds the {size} codes in {where}; use k <= {size}")
    return int(k)


def _check_pair(database: Codes, queries: Codes) -> tuple[Codes, Codes]:
    """Return both code arrays C-ordered, after checking that they are codes of one width."""
    for name, codes in (("database", database), ("queries", queries)):
        if getattr(codes, "dtype", None) != np.uint8 or codes.ndim != 2 or codes.shape[1] == 0:
            raise InvalidInputError(f"{name}: need codes, uint8 of shape (n, bytes); use hashcore.codes.pack")
    if database.shape[1] != queries.shape[1]:
        raise InvalidInputError(
            f"queries are {queries.shape[1]} bytes wide but the database {database.shape[1]}; "
            "encode both with the same hasher"
        )
    return np.ascontiguousarray(database), np.ascontiguousarray(queries)
