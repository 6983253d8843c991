"""Three kinds of codes to measure with: uniform, planted near-duplicates of them as queries, and those of a hasher."""

from __future__ import annotations

import numpy as np

from hashcore.codes import Codes


def uniform(rng: np.random.Generator, items: int, code_length: int) -> Codes:
    """Return codes whose bits are independent and even, shape (items, bytes); code_length is a multiple of 8."""
    return rng.integers(0, 256, (items, code_length // 8), np.uint8)


def near_duplicates(rng: np.random.Generator, database: Codes, queries: int, flips: int) -> Codes:
    """Return codes up to `flips` bits away from codes of the database, shape (queries, bytes)."""
    found = database[rng.integers(0, len(database), queries)]
    rows, bits = np.arange(queries), 8 * database.shape[1]
    for _ in range(flips):
        bit = rng.integers(0, bits, queries)
        found[rows, bit // 8] ^= (1 << (bit % 8)).astype(np.uint8)
    return found


def clustered(rng: np.random.Generator, items: int, code_length: int, *, centers: int, noise: float) -> Codes:
    """Return codes around few centers, as a hasher trained on classes gives them.

    Args:
        rng: Where randomness comes from.
        items: Codes to make.
        code_length: Bits of a code, a multiple of 8.
        centers: Classes.
        noise: Chance of a bit to differ from its center's, drawn anew for each item from 0 to twice this.
    """
    means = uniform(rng, centers, code_length)
    codes = means[rng.integers(0, centers, items)]
    for start in range(0, items, 1 << 18):
        part = codes[start : start + (1 << 18)]
        chance = rng.uniform(0, 2 * noise, (len(part), 1))
        part ^= np.packbits(rng.random((len(part), code_length), np.float32) < chance, axis=1, bitorder="little")
    return codes
