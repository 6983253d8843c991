"""AdaBoost over pairs (Freund, Schapire 1997): pairs that the bits so far judge wrongly weigh more for the next bit.

A bit judges a pair alike, c = +1, where both ends get the same value, and unlike, c = −1, otherwise. With ℓ = ±1 for
similar and dissimilar pairs, the exponential loss E{exp(−ℓ Σ αᵢ cᵢ)} is lowered bit by bit (mmnn.txt §2.1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST_ERROR = 1e-6


def reweigh(
    weights: NDArray[np.float64], signs: NDArray[np.float64], judged: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weights of the pairs for the next bit, of sum 1.

    Args:
        weights: Of the pairs so far, of sum 1, shape (p,).
        signs: ℓ of each pair, shape (p,).
        judged: c of each pair by the last bit, −1 or +1, shape (p,).
    """
    agreement = np.clip(float(weights @ (signs * judged)), LEAST_ERROR - 1, 1 - LEAST_ERROR)
    alpha = 0.5 * np.log((1 + agreement) / (1 - agreement))
    changed = weights * np.exp(-alpha * signs * judged)
    normalized: NDArray[np.float64] = changed / changed.sum()
    return normalized
