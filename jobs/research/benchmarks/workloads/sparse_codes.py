"""Sparse codes to measure with: sets of k of m tokens, drawn evenly or by Zipf's law, and queries a few tokens away."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hashcore.codes import Codes

Skew = Literal["uniform", "zipf"]
DRAWN_AT_ONCE = 1 << 20


def sets(rng: np.random.Generator, items: int, dimensions: int, k: int, skew: Skew) -> Codes:
    """Return codes with exactly k set bits, shape (items, dimensions / 8); dimensions is a multiple of 8.

    By Zipf's law token t is drawn with a chance proportional to 1 / (t + 1), sets with a token twice drawn anew.
    """
    weights = np.ones(dimensions) if skew == "uniform" else 1 / np.arange(1, dimensions + 1)
    edges = np.cumsum(weights / weights.sum())
    codes = np.zeros((items, dimensions // 8), np.uint8)
    for start in range(0, items, DRAWN_AT_ONCE):
        part = codes[start : start + DRAWN_AT_ONCE]
        _set(part, _distinct_tokens(rng, len(part), k, edges))
    return codes


def _distinct_tokens(rng: np.random.Generator, items: int, k: int, edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return k different tokens a row, shape (items, k)."""
    tokens = np.zeros((items, k), np.int64)
    left = np.arange(items)
    while len(left):
        drawn = np.minimum(np.searchsorted(edges, rng.random((len(left), k))), len(edges) - 1)
        drawn.sort(axis=1)
        tokens[left] = drawn
        left = left[(drawn[:, 1:] == drawn[:, :-1]).any(axis=1)]
    return tokens


def _set(codes: Codes, tokens: NDArray[np.int64]) -> None:
    """Set the bits of the tokens."""
    rows = np.arange(len(codes))
    for column in tokens.T:
        codes[rows, column // 8] |= (1 << (column % 8)).astype(np.uint8)


def swapped(rng: np.random.Generator, database: Codes, queries: int, radius: int) -> Codes:
    """Return codes of the database in which up to radius / 2 tokens are replaced by others, shape (queries, bytes)."""
    found = np.unpackbits(database[rng.integers(0, len(database), queries)], axis=1, bitorder="little")
    for row in found:
        for _ in range(rng.integers(0, radius // 2 + 1)):
            row[rng.choice(np.flatnonzero(row))] = 0
            row[rng.choice(np.flatnonzero(row == 0))] = 1
    return np.packbits(found, axis=1, bitorder="little")


def tags(path: Path) -> Codes:
    """Return MIRFlickr's tags, a sparse matrix of 20,015 images x 1,386 tags, as codes of 1,392 bits."""
    held = np.load(path)
    offsets, values = held["tag_indptr"], held["tag_indices"]
    bits = np.zeros((len(offsets) - 1, -(-int(held["n_tags"]) // 8) * 8), np.bool_)
    bits[np.repeat(np.arange(len(bits)), np.diff(offsets)), values] = True
    return np.packbits(bits, axis=1, bitorder="little")
