"""The orders of bits in stored codes do what they are for: buckets fill evenly, and first words tell codes apart."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from hashcore.codes import pack
from indexer.structures.bit_order import entropies, snake_order
from indexer.structures.planning import plan_layout
from indexer.structures.signatures import plan_blocks
from indexer.structures.tables import substrings_for


def within(order, substrings, correlation):
    """Sum of squared correlations of pairs of bits that share a substring."""
    groups = [[order[place] for place in substring.places] for substring in substrings]
    return sum(correlation[a, b] ** 2 for group in groups for a, b in itertools.combinations(group, 2))


def test_bits_that_are_copies_of_each_other_are_dealt_to_different_substrings():
    rng = np.random.default_rng(0)
    half = rng.integers(0, 2, (2_000, 8))
    bits = np.concatenate([half, half], axis=1)  # bit i + 8 is bit i
    layout = plan_layout(pack(bits), code_length=16, rows_per_shard=256)
    assert [substring.bits for substring in layout.substrings] == [8, 8]
    for substring in layout.substrings:
        held = {layout.bit_order[place] % 8 for place in substring.places}
        assert len(held) == 8
    correlation = np.abs(np.corrcoef(bits.T))
    in_order = within(range(16), layout.substrings, correlation)
    assert within(layout.bit_order, layout.substrings, correlation) <= in_order


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_correlated_bits_is_better_than_nearly_all_others(seed):
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(3_000, 5)) @ rng.normal(size=(5, 16)) + 0.3 * rng.normal(size=(3_000, 16))
    bits = (mixed > 0).astype(np.uint8)
    layout = plan_layout(pack(bits), code_length=16, rows_per_shard=256)
    correlation = np.abs(np.corrcoef(bits.T))
    ours = within(layout.bit_order, layout.substrings, correlation)
    drawn = [within(rng.permutation(16), layout.substrings, correlation) for _ in range(500)]
    assert np.mean([ours <= other for other in drawn]) >= 0.95


@pytest.mark.parametrize("code_length", [8, 12, 32, 64, 100, 128, 256])
@pytest.mark.parametrize("rows", [1, 300, 10**6, 64 * 10**6])
def test_substrings_are_disjoint_pieces_of_about_as_many_bits_as_rows_ask_for(code_length, rows):
    substrings = substrings_for(code_length, rows)
    places = [place for substring in substrings for place in substring.places]
    assert len(places) == len(set(places)) and max(places) < code_length
    wanted = min(max(math.log2(max(rows, 2)), 8), 24)
    assert all(wanted / 2 <= substring.bits <= 2 * wanted for substring in substrings if code_length >= wanted)


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


def test_blocks_of_signatures_hold_about_equal_entropy():
    rng = np.random.default_rng(2)
    bits = (rng.random((4_000, 200)) < rng.permutation(np.linspace(0.001, 0.4, 200))).astype(np.uint8)
    order, blocks = plan_blocks(bits, 1 << 20)
    assert sorted(order) == list(range(200))
    assert [block.begin for block in blocks[1:]] == [block.end for block in blocks[:-1]]
    assert (blocks[0].begin, blocks[-1].end) == (0, 200)
    loads = [entropies(bits)[list(order[block.begin : block.end])].sum() for block in blocks]
    assert max(loads) - min(loads) <= entropies(bits).max()
