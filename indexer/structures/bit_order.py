"""Orders of a code's bits: decorrelated substrings for dense codes, folds of even entropy for sparse ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from indexer.structures.base import WORD_BITS
from indexer.structures.tables import Substring


def entropies(bits: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return each bit's entropy in bits, shape (code_length,), from sampled codes, 0/1 of shape (n, code_length)."""
    frequency = (bits.sum(axis=0) + 0.5) / (len(bits) + 1)
    entropy: NDArray[np.float64] = -(frequency * np.log2(frequency) + (1 - frequency) * np.log2(1 - frequency))
    return entropy


def snake_order(bits: NDArray[np.uint8]) -> tuple[int, ...]:
    """Sort the bits by entropy, highest first, and deal them to the words in snake order.

    The first words then reject most candidates, and all 64 bits of a fold carry about equal entropy.

    Args:
        bits: Sampled codes, 0/1, shape (n, code_length).

    Returns:
        Element p is the bit of the code that is stored as bit p; code_length of them.
    """
    ranked = np.argsort(-entropies(bits), kind="stable")
    words = np.split(ranked, range(WORD_BITS, len(ranked), WORD_BITS))
    return tuple(int(bit) for number, word in enumerate(words) for bit in (word[::-1] if number % 2 else word))


def decorrelating_order(bits: NDArray[np.uint8], substrings: tuple[Substring, ...]) -> tuple[int, ...]:
    """Deal the bits to the substrings so that those of one substring tell as little as possible about each other.

    Correlated bits in one substring crowd its entries into few buckets. As in the greedy reordering of Norouzi et al.'s
    MIH implementation, each substring in turn takes the bit that correlates least with those it has.

    Args:
        bits: Of a sample of codes, 0 and 1, shape (n, code_length).
        substrings: Pieces of a code.

    Returns:
        The bit of a code that each stored bit is.
    """
    code_length = bits.shape[1]
    places = [list(substring.places) for substring in substrings]
    correlation = _absolute_correlation(bits)
    if len(bits) < 2 or correlation.max(initial=0.0) < 0.1:
        return tuple(range(code_length))
    order = np.full(code_length, -1)
    free = np.ones(code_length, bool)
    load = np.zeros((len(places), code_length))  # load[t, b]: correlation of bit b with those of substring t
    while any(places):
        for substring, left in enumerate(places):
            if not left:
                continue
            bit = int(np.argmin(np.where(free, load[substring], np.inf)))
            order[left.pop()] = bit
            free[bit] = False
            load[substring] += correlation[bit] ** 2
    order[order < 0] = np.flatnonzero(free)
    return tuple(int(bit) for bit in order)


def _absolute_correlation(bits: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the absolute correlation of every pair of bits, 1 with a constant bit, 0 on the diagonal."""
    count, ones = len(bits), bits.sum(axis=0, dtype=np.int64)
    padded = np.pad(bits.T, ((0, 0), (0, -count % 64)))  # whole numbers: the same layout on every machine
    packed = np.ascontiguousarray(np.packbits(padded, axis=1)).view(np.uint64)
    common = np.stack([np.bitwise_count(packed & row).sum(axis=1, dtype=np.int64) for row in packed])
    spread = ones * (count - ones)  # count² times the variance
    constant = spread == 0
    spread[constant] = 1
    covariance = count * common - ones[:, None] * ones[None]
    correlation: NDArray[np.float64] = np.abs(covariance) / np.sqrt(spread[:, None] * spread[None].astype(np.float64))
    correlation[constant, :] = correlation[:, constant] = 1
    np.fill_diagonal(correlation, 0)
    return correlation
