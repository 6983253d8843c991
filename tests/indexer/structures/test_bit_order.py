"""The order of bits for folds: the bits that tell most come first, and no frequent ones together."""

from __future__ import annotations

import numpy as np

from indexer.structures.bit_order import entropies, snake_order


def test_the_order_of_folds_puts_the_bits_that_tell_most_first_and_no_frequent_ones_together():
    rng = np.random.default_rng(1)
    bits = (rng.random((4_000, 192)) < rng.permutation(np.linspace(0.001, 0.4, 192))).astype(np.uint8)
    order, entropy = snake_order(bits), entropies(bits)
    assert sorted(order) == list(range(192))
    words = [entropy[list(order[start : start + 64])] for start in (0, 64, 128)]
    assert words[0].min() >= words[1].max() and words[1].min() >= words[2].max()
    folds = sum(words)  # what the codes' bits at each place of a fold tell together
    straight = sum(np.sort(entropy)[::-1][start : start + 64] for start in (0, 64, 128))
    assert folds.max() - folds.min() < straight.max() - straight.min()
