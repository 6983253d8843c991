"""Blocks of a bounded answer: every query once and in order, whatever their answers, and few searches in vain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashcore.errors import InvalidInputError
from hashcore.neighbors import Neighbors
from indexer.search.result_blocks import ROW_BYTES, search_blocks


def searched(counts, most_rows):
    """Return the blocks of queries with so many neighbors each, and how many searches were refused."""
    refused = 0

    def search(part, most):
        nonlocal refused
        rows = counts[part]
        if sum(rows) > most:
            refused += 1
            return None
        offsets = np.concatenate([[0], np.cumsum(rows, dtype=np.int64)])
        return Neighbors(offsets, np.arange(offsets[-1]), np.zeros(offsets[-1], np.uint16))

    return list(search_blocks(search, len(counts), ROW_BYTES * most_rows)), refused


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(50, 200))
def test_every_query_is_answered_once_and_in_order(counts, most_rows):
    blocks, _ = searched(counts, most_rows)
    assert [start for start, _ in blocks] == np.cumsum([0, *(len(found) for _, found in blocks)])[:-1].tolist()
    assert [count for _, found in blocks for count in found.counts()] == counts
    assert all(len(found.ids) <= most_rows for _, found in blocks)


def test_one_refusal_tells_how_many_queries_fit():
    blocks, refused = searched([100] * 1000, 10_000)
    assert refused == 1
    assert [len(found) for _, found in blocks] == [62, *[80] * 11, 58]


def test_queries_that_fit_are_asked_at_once():
    blocks, refused = searched([3] * 1000, 3000)
    assert refused == 0 and len(blocks) == 1


def test_a_query_that_fits_nowhere_is_named():
    with pytest.raises(InvalidInputError, match="query 2 has more than 10 neighbors"):
        searched([1, 2, 11, 1], 10)
