"""Exact Hamming search by linear scan, and histograms of distances, on SIMD kernels chosen at run time.

This is the oracle of every index and the baseline of every benchmark: it reads each code once per block of queries and
gives up an item as soon as its first 64 bits differ too much.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashcore import _kernels
from hashcore.arguments import check_array
from hashcore.codes import MAX_CODE_LENGTH, Codes, check_code_length, check_codes, check_packed
from hashcore.errors import InvalidInputError
from hashcore.machine.native_build import check_built
from hashcore.machine.processors import available_isas, available_threads, check_threads, isa
from hashcore.neighbors import Neighbors

Words = NDArray[np.uint64]
MOST_CODES = 2**32
WORD_BITS = 64

check_built(_kernels)
assert _kernels.MOST_BITS == MAX_CODE_LENGTH

__all__ = [
    "Neighbors",
    "available_isas",
    "available_threads",
    "distance_histogram",
    "isa",
    "knn_search",
    "range_search",
    "relevance_counts",
    "to_columns",
    "to_rows",
    "words_of",
]


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
    radius = check_radius(radius, 8 * database.shape[1])
    check_scannable(len(database))
    threads = check_threads(threads)
    if not len(database) or not len(queries):
        return Neighbors.empty(len(queries))
    return Neighbors(*_kernels.scan_range(database, _rows(queries), radius, threads))


def knn_search(database: Codes, queries: Codes, k: int, *, threads: int = 0) -> Neighbors:
    """Find the k nearest codes of each query; among equal distances the lower row number comes first.

    Args and Raises as `range_search`; `k` must lie in 1..n.

    >>> database = np.array([[0b0000], [0b0111], [0b0001]], np.uint8)
    >>> knn_search(database, np.array([[0b0011]], np.uint8), 2).ids.tolist()
    [1, 2]
    """
    database, queries = _check_pair(database, queries)
    k = check_k(k, len(database), "the database")
    check_scannable(len(database))
    threads = check_threads(threads)
    if not len(queries):
        return Neighbors.empty(0)
    return Neighbors(*_kernels.scan_nearest(database, _rows(queries), k, threads))


def check_scannable(codes: int) -> None:
    """Raise InvalidInputError where row numbers do not fit 32 bits."""
    if codes > MOST_CODES:
        raise InvalidInputError(
            f"{codes:,} codes exceed the {MOST_CODES:,} that one scan numbers; build an index of them"
        )


def distance_histogram(database: Codes, queries: Codes, code_length: int, *, threads: int = 0) -> NDArray[np.int64]:
    """Count the codes at each distance of each query: int64, shape (q, code_length + 1), element [i, d] at distance d.

    Args:
        database: Codes, uint8, shape (n, ceil(code_length / 8)).
        queries: Codes, uint8, shape (q, ceil(code_length / 8)).
        code_length: Bits of a code.
        threads: Threads to use; 0 takes every processor this process may run on.

    Raises:
        InvalidInputError: If codes are not of `code_length` bits.

    >>> database = np.array([[0b0000], [0b0111], [0b0001]], np.uint8)
    >>> distance_histogram(database, np.array([[0b0000]], np.uint8), 8).tolist()
    [[1, 1, 0, 1, 0, 0, 0, 0, 0]]
    """
    return relevance_counts(*words_of(database, queries, code_length), code_length, threads=threads)[0]


def relevance_counts(
    columns: Words,
    query_rows: Words,
    code_length: int,
    item_relevance: Words | None = None,
    query_relevance: Words | None = None,
    *,
    threads: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count all codes, and the relevant ones, at each distance of each query: what every measure is computed from.

    Args:
        columns: Codes as `to_columns` returns them, uint64, shape (words, n); `words_of` makes both of codes.
        query_rows: Codes as `to_rows` returns them, uint64, shape (q, words).
        code_length: Bits of a code.
        item_relevance: Label bit masks, uint64, shape (n, words of a mask); None where nothing is relevant.
        query_relevance: Label bit masks, uint64, shape (q, words of a mask); a shared bit makes a pair relevant.
        threads: Threads to use; 0 takes every processor this process may run on.

    Returns:
        Two int64 arrays of shape (q, code_length + 1): all items, and relevant items, at each distance.

    Raises:
        InvalidInputError: If codes are not of `code_length` bits, or masks have other rows or words.
    """
    code_length = check_code_length(code_length)
    words = -(-code_length // WORD_BITS)
    columns = check_array(columns, "columns", (words, "n"), np.uint64)
    query_rows = check_array(query_rows, "query_rows", ("q", words), np.uint64)
    for name, last in (("columns", columns[-1]), ("query_rows", query_rows[:, -1])):
        _check_last_word(name, last, code_length)
    items, asked = _check_masks(columns.shape[1], len(query_rows), item_relevance, query_relevance)
    threads = check_threads(threads)
    counts = np.zeros((2, len(query_rows), code_length + 1), np.int64)
    if columns.shape[1] and len(query_rows):
        masks = np.ascontiguousarray(items.T), asked
        _kernels.scan_histogram(columns, query_rows, *masks, counts[0], counts[1], threads)
    return counts[0], counts[1]


def _check_masks(items: int, queries: int, item_masks: Words | None, query_masks: Words | None) -> tuple[Words, Words]:
    """Return masks of items and queries, checked: of as many rows and of equally many words; none where both are None.

    Raises:
        InvalidInputError: If they are not, or only one is None.
    """
    none = np.zeros((0, 0), np.uint64)
    if item_masks is None and query_masks is None:
        return none, none
    if item_masks is None or query_masks is None:
        raise InvalidInputError("label masks are given of one side only; give those of database and queries, or none")
    asked = check_array(query_masks, "label masks of the queries", (queries, "words"), np.uint64)
    return check_array(item_masks, "label masks of the database", (items, asked.shape[1]), np.uint64), asked


def _check_last_word(name: str, words: Words, code_length: int) -> None:
    """Raise InvalidInputError if the last words of some codes set a bit beyond the code length."""
    used = code_length % WORD_BITS
    if used and int(words.max(initial=0)) >> used:
        raise InvalidInputError(f"{name} set bits beyond code_length={code_length}; unused high bits must be zero")


def words_of(database: Codes, queries: Codes, code_length: int) -> tuple[Words, Words]:
    """Return codes of a database by `to_columns`, shape (words, n), and of queries by `to_rows`, shape (q, words).

    Args:
        database: Codes, uint8, shape (n, ceil(code_length / 8)).
        queries: Codes, uint8, shape (q, ceil(code_length / 8)).
        code_length: Bits of a code.

    Raises:
        InvalidInputError: If codes are not of `code_length` bits.
    """
    database, queries = _check_pair(database, queries)
    code_length = check_code_length(code_length)
    database, queries = check_codes(database, code_length, "database"), check_codes(queries, code_length, "queries")
    return to_columns(database), to_rows(queries)


def to_columns(codes: Codes) -> Words:
    """Return codes as 64-bit words, column by column: element [w, i] is word w of code i; shape (words, n)."""
    codes = check_packed(codes)
    if codes.shape[1] == 8:
        return codes.view(np.uint64).reshape(1, -1)
    columns = np.empty(((codes.shape[1] + 7) // 8, len(codes)), np.uint64)
    _kernels.to_columns(codes, columns)
    return columns


def to_rows(codes: Codes) -> Words:
    """Return codes as 64-bit words, row by row: element [i, w] is word w of code i; shape (n, words)."""
    return _rows(check_packed(codes))


def _rows(codes: Codes) -> Words:
    """Return checked codes as `to_rows` does."""
    return codes.view(np.uint64) if codes.shape[1] % 8 == 0 else np.ascontiguousarray(to_columns(codes).T)


def check_radius(radius: int, code_length: int) -> int:
    """Return `radius` if it is a whole number in 0..code_length, else raise InvalidInputError."""
    if isinstance(radius, bool) or not isinstance(radius, (int, np.integer)) or not 0 <= radius <= code_length:
        raise InvalidInputError(f"radius={radius!r} is not a number of bits of a code; use 0..{code_length}")
    return int(radius)


def check_k(k: int, size: int, where: str) -> int:
    """Return `k` if it is a whole number in 1..size, else raise InvalidInputError that names both numbers."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise InvalidInputError(f"k={k!r} is not a number of neighbors; use 1..{size}")
    if k > size:
        raise InvalidInputError(f"k={k} exceeds the {size} codes in {where}; use k <= {size}")
    return int(k)


def _check_pair(database: Codes, queries: Codes) -> tuple[Codes, Codes]:
    """Return both code arrays C-ordered, after checking that they are codes of one width."""
    database, queries = check_packed(database, "database"), check_packed(queries, "queries")
    if database.shape[1] != queries.shape[1]:
        raise InvalidInputError(
            f"queries are {queries.shape[1]} bytes wide but the database {database.shape[1]}; "
            "encode both with the same hasher"
        )
    return database, queries
