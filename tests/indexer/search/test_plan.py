"""The plan of a range search is exact by its sum of radii, and the cheapest of all splits where rings grow dearer."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import indexer
from hashcore import codes
from indexer import plan_layout
from indexer.search.plan import Costs, allocate

COSTS = Costs(probe=3.0, candidate=0.5, scan=1e12)  # a scan so dear that tables are always taken


def cost_of(radii, bits, rings):
    """What a split costs a query: every ring up to each table's radius."""
    return sum(
        COSTS.probe * math.comb(bits[table], ring) + COSTS.candidate * rings[table, ring]
        for table, radius in enumerate(radii)
        for ring in range(radius + 1)
    )


def cheapest(radius, bits, rings):
    """The least cost of all radii with Σ (r_j + 1) = r + 1, by trying each."""
    splits = itertools.product(range(radius + 2), repeat=len(bits))
    exact = [[part - 1 for part in split] for split in splits if sum(split) == radius + 1]
    allowed = [split for split in exact if all(r <= b for r, b in zip(split, bits, strict=True))]
    return min(cost_of(split, bits, rings) for split in allowed)


@st.composite
def growing_rings(draw):
    """Tables whose next ring always costs at least as much as the one before, as rings in the lower half do."""
    radius = draw(st.integers(0, 4))
    bits = draw(st.lists(st.integers(2 * radius + 4, 20), min_size=1, max_size=3))
    costs = st.lists(st.floats(0, 1e4), min_size=radius + 2, max_size=radius + 2)
    steps = [draw(costs) for _ in bits]
    return radius, bits, np.cumsum(np.array(steps), axis=1)


@given(growing_rings())
def test_the_split_is_exact_and_no_other_is_cheaper(drawn):
    radius, bits, rings = drawn
    plan = allocate(radius, bits, rings, codes=10**9, words=1, costs=COSTS)
    assert sum(r + 1 for r in plan.radii) == radius + 1
    assert plan.tables_ns == pytest.approx(cost_of(plan.radii, bits, rings))
    assert plan.tables_ns == pytest.approx(cheapest(radius, bits, rings))


def test_what_a_plan_expects_is_what_its_rings_hold():
    rings = np.array([[1.0, 10.0, 100.0], [2.0, 5.0, 50.0]])
    plan = allocate(2, [8, 10], rings, codes=10**9, words=1, costs=COSTS)
    assert plan.radii == (1, 0)  # 3 + .5, 3 + 1, then 24 + 5 against 30 + 2.5
    assert plan.probes == (1 + 8, 1) and plan.candidates == (11.0, 2.0)


def test_a_crowded_table_is_left_out():
    rings = np.array([[1e6, 1e7], [1.0, 8.0]])
    assert allocate(1, [8, 8], rings, codes=10**9, words=1, costs=COSTS).radii == (-1, 1)


@pytest.mark.parametrize(("codes", "is_scan"), [(100, True), (10**6, False)])
def test_a_scan_is_taken_where_it_costs_less(codes, is_scan):
    plan = allocate(0, [8], np.array([[100.0]]), codes=codes, words=1, costs=Costs())
    assert plan.is_scan == is_scan
    assert plan.scan_ns == pytest.approx(Costs().scan * codes)
    assert (plan.tables_ns > plan.scan_ns) == is_scan


def test_a_table_beyond_its_last_bit_has_no_more_to_look_up():
    plan = allocate(5, [1], np.array([[1.0, 1.0, 0.0]]), codes=10**9, words=1, costs=COSTS)
    assert plan.radii == (5,) and plan.probes == (2,) and plan.candidates == (2.0,)


def test_a_ring_of_more_buckets_than_are_worth_listing_is_infinitely_dear():
    rings = np.ones((1, 3))
    assert allocate(8, [24], rings, codes=10**9, words=1, costs=COSTS).radii == (8,)
    plan = allocate(12, [24], rings, codes=10**9, words=1, costs=COSTS)  # a ring of 2,704,156 buckets
    assert plan.is_scan and math.isinf(plan.tables_ns)


@pytest.mark.parametrize("radius", [1, 4, 9, 20])
def test_the_plan_of_a_shard_rests_on_the_buckets_that_some_queries_meet(tmp_path, radius):
    rows, bits = 2000, (np.random.default_rng(7).random((2000, 128)) < 0.2).astype(np.uint8)
    layout = plan_layout(codes.pack(bits), code_length=128, rows_per_shard=rows, scan_below=0, kind="dense")
    shard = indexer.build(
        str(tmp_path), np.arange(rows), codes.pack(bits), code_length=128, layout=layout, rows_per_shard=rows
    ).open_shard(0)
    tables, queries = shard.searcher.tables, codes.pack(bits[:200])
    stored, sampled = bits[:, list(layout.bit_order)], bits[:200:50][:, list(layout.bit_order)]
    rings = np.zeros((len(tables), min(radius // len(tables) + 1, 3)))
    for number, table in enumerate(tables):
        places = list(table.substring.places)
        apart = (stored[:, None, places] != sampled[None][:, :, places]).sum(axis=2)
        rings[number] = [(apart == flips).sum() / len(sampled) for flips in range(rings.shape[1])]
    shard.searcher.costs = COSTS
    widths = [table.substring.bits for table in tables]
    assert shard.plan(queries, radius) == allocate(radius, widths, rings, codes=rows, words=2, costs=COSTS)


def test_without_tables_there_is_a_scan():
    plan = allocate(3, [], np.zeros((0, 1)), codes=10, words=2, costs=Costs())
    assert plan.is_scan and plan.reason(True) == "scan: the shard has no tables"
