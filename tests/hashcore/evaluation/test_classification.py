"""Votes of neighbors, counted by hand and by a dictionary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashcore.errors import InvalidInputError
from hashcore.evaluation.classification import classify, error_rate
from hashcore.neighbors import Neighbors


def nearest(classes):
    """Neighbors whose distances ascend, with the given classes: one list a query."""
    lengths = [len(row) for row in classes]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    distances = np.concatenate([np.arange(n) for n in lengths] or [[]]).astype(np.uint16)
    flat = np.array([label for row in classes for label in row], np.int32)
    return Neighbors(offsets, np.arange(offsets[-1]), distances), flat


def slow_vote(row, k):
    votes = {}
    for label in row[:k]:  # a dictionary keeps the order in which classes were first seen, and max the first maximum
        votes[label] = votes.get(label, 0) + 1
    return max(votes, key=votes.get)


@given(st.lists(st.lists(st.integers(-2, 3), min_size=5, max_size=9), max_size=6), st.integers(1, 5))
def test_the_vote_equals_a_count_by_dictionary(rows, k):
    got = classify(*nearest(rows), k)
    assert got.tolist() == [slow_vote(row, k) for row in rows]
    assert got.dtype == np.int32


def test_equal_votes_go_to_the_class_seen_nearest():
    assert classify(*nearest([[5, 1, 1, 5], [1, 5, 5, 1], [9, 5, 1, 2]]), 4).tolist() == [5, 1, 9]


def test_only_the_first_k_vote():
    neighbors = nearest([[3, 4, 4], [4, 3, 3]])
    assert classify(*neighbors, 1).tolist() == [3, 4]
    assert classify(*neighbors, 3).tolist() == [4, 3]


def test_error_rate_is_the_share_of_wrong_classes():
    assert error_rate(np.array([1, 2, 2]), np.array([1, 2, 3])) == pytest.approx(1 / 3)
    assert np.isnan(error_rate(np.empty(0, np.int32), np.empty(0, np.int32)))


def test_a_vote_that_cannot_be_held_is_refused():
    neighbors, classes = nearest([[1, 2], [3]])
    with pytest.raises(InvalidInputError, match="k=2 exceeds the 1 neighbors of a query; search with k >= 2"):
        classify(neighbors, classes, 2)
    with pytest.raises(InvalidInputError, match="k=0"):
        classify(neighbors, classes, 0)
    with pytest.raises(InvalidInputError, match="2 classes for 3 neighbors"):
        classify(neighbors, classes[:2], 1)
