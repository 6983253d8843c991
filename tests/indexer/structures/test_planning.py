"""Planned layouts fill their buckets evenly, and keep what their kind of codes needs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hashcore import codes
from hashcore.codes import pack
from indexer.structures.planning import plan_layout


def test_codes_with_many_set_bits_get_no_lists():
    rng = np.random.default_rng(7)
    few, many = codes.pack(rng.random((500, 64)) < 0.03), codes.pack(rng.random((500, 64)) < 0.4)
    assert plan_layout(few, code_length=64, rows_per_shard=500, kind="sparse").lists
    layout = plan_layout(many, code_length=64, rows_per_shard=500, kind="ternary")
    assert layout.folds and not layout.lists and not layout.blocks


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
