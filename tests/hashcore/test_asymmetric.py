"""Asymmetric distances equal the equation written out, and tend to Hamming distances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashcore import codes
from hashcore.asymmetric import asymmetric_distances, bit_scale, knn_search, rerank
from hashcore.errors import InvalidInputError
from hashcore.neighbors import Neighbors


@given(st.sampled_from([8, 12, 31, 64, 100]), st.integers(0, 2**32 - 1))
def test_table_look_up_equals_the_equation(code_length, seed):
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1, 1], (7, code_length))
    projection, scale = rng.normal(size=code_length), rng.uniform(0.1, 3, code_length)
    got = asymmetric_distances(codes.pack(signs), projection, scale=scale)
    want = [sum((h - np.tanh(s * v)) ** 2 for h, s, v in zip(row, scale, projection, strict=True)) / 4 for row in signs]
    assert got == pytest.approx(want, abs=1e-12)


def test_steep_slopes_give_the_hamming_distance():
    rng = np.random.default_rng(5)
    signs, projection = rng.choice([-1, 1], (20, 12)), rng.normal(size=12)
    got = asymmetric_distances(codes.pack(signs), projection, scale=np.full(12, 1e9))
    assert got == pytest.approx((signs != np.sign(projection)).sum(axis=1), abs=1e-9)


def test_slopes_bring_the_mean_activation_to_a_quarter():
    projections = np.array([[1.0, -8.0, 0.0], [-3.0, 8.0, 0.0]])
    assert bit_scale(projections).tolist() == [0.125, 0.03125, 0.25]
    assert np.abs(bit_scale(projections) * projections).mean(axis=0).tolist() == [0.25, 0.25, 0]


def test_rerank_prefers_to_differ_where_the_query_is_unsure():
    query = np.array([[2.0, 0.1] + [2.0] * 6])
    flips = np.ones((4, 8), int)
    flips[[0, 1], [0, 1]] = -1  # row 0 differs in a sure bit, row 1 in the unsure one; rows 2 and 3 agree
    neighbors = Neighbors(np.array([0, 4]), np.array([10, 11, 13, 12]), np.array([1, 1, 0, 0], np.uint16))
    order = rerank(neighbors, codes.pack(flips), query, scale=np.ones(8))
    assert neighbors.ids[order].tolist() == [12, 13, 11, 10]


def test_rerank_keeps_each_querys_neighbors_together():
    rng = np.random.default_rng(3)
    offsets = np.array([0, 3, 3, 8])
    neighbors = Neighbors(offsets, np.arange(8), np.zeros(8, np.uint16))
    packed, projections = codes.pack(rng.choice([-1, 1], (8, 16))), rng.normal(size=(3, 16))
    order = rerank(neighbors, packed, projections, scale=np.ones(16))
    assert sorted(order[:3].tolist()) == [0, 1, 2]
    assert sorted(order[3:].tolist()) == [3, 4, 5, 6, 7]
    distances = asymmetric_distances(packed[order[3:]], projections[2], scale=np.ones(16))
    assert (np.diff(distances) >= 0).all()


def test_codes_of_another_length_and_unaligned_rows_are_refused():
    neighbors = Neighbors(np.array([0, 1]), np.array([0]), np.array([0], np.uint16))
    packed = codes.pack(np.ones((1, 16), int))
    with pytest.raises(InvalidInputError, match="2 bytes wide but 24 bits take 3"):
        asymmetric_distances(packed, np.ones(24), scale=np.ones(24))
    with pytest.raises(InvalidInputError, match="give one code to each neighbor"):
        rerank(neighbors, packed, np.ones((2, 16)), scale=np.ones(16))


@given(st.sampled_from([8, 12, 70]), st.integers(1, 30), st.integers(1, 5), st.integers(0, 999))
def test_the_nearest_are_those_of_the_sorted_distances(code_length, k, block, seed):
    rng = np.random.default_rng(seed)
    packed = codes.pack(rng.integers(0, 2, (30, code_length)))
    packed[7] = packed[20]  # equal codes come by their row
    projections, scale = rng.normal(size=(4, code_length)), rng.uniform(0.1, 3, code_length)
    found = knn_search(packed, projections, k, scale=scale, queries_at_once=block)
    assert found.shape == (4, k)
    for rows, projection in zip(found, projections, strict=True):
        distances = asymmetric_distances(packed, projection, scale=scale)
        assert distances[rows] == pytest.approx(np.sort(distances)[:k], abs=1e-4)
        assert len(set(rows.tolist())) == k
        both = [rows.tolist().index(row) if row in rows else k for row in (7, 20)]
        assert both[0] <= both[1]


def test_more_neighbors_than_codes_are_refused():
    with pytest.raises(InvalidInputError, match="k=3 exceeds the 2 codes"):
        knn_search(np.zeros((2, 1), np.uint8), np.ones((1, 8)), 3, scale=np.ones(8))
