"""The order of a sparse code's bits by which folds differ most: each of their 64 bits tells about as much."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WORD_BITS = 64


def entropies(bits: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return each bit's entropy in bits, shape (code_length,), from sampled codes, 0/1 of shape (n, code_length)."""
    frequency = (bits.sum(axis=0) + 0.5) / (len(bits) + 1)
    entropy: NDArray[np.float64] = -(frequency * np.log2(frequency) + (1 - frequency) * np.log2(1 - frequency))
    return entropy


def plan_order(bits: NDArray[np.uint8]) -> tuple[int, ...]:
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
