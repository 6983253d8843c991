"""The data of the sparse benchmark are what they say, and its peers agree with us on them."""

import numpy as np
import pytest

from hashcore import hamming
from jobs.research.benchmarks import sparse
from jobs.research.benchmarks.workloads import sparse_codes


@pytest.mark.parametrize("skew", ["uniform", "zipf"])
def test_drawn_sets_have_k_tokens_and_zipf_prefers_the_first(skew):
    drawn = np.unpackbits(sparse_codes.sets(np.random.default_rng(0), 2000, 64, 8, skew), axis=1, bitorder="little")
    assert (drawn.sum(axis=1) == 8).all()
    share = drawn.mean(axis=0)
    assert (share[0] > 4 * share[32]) == (skew == "zipf")


def test_swapped_queries_have_a_neighbor_within_the_radius():
    database = sparse_codes.sets(np.random.default_rng(0), 500, 128, 8, "uniform")
    queries = sparse_codes.swapped(np.random.default_rng(1), database, 50, 4)
    nearest = hamming.knn_search(database, queries, 1).distances
    assert nearest.max() == 4 and set(nearest.tolist()) <= {0, 2, 4}


def test_similar_sets_are_those_that_the_peer_finds():
    database = sparse_codes.sets(np.random.default_rng(0), 3000, 32, 8, "zipf")
    row = sparse.compare_sets("sets", database, sparse_codes.swapped(np.random.default_rng(1), database, 20, 4))
    assert row.facts["neighbors"] > 20 and len(row.ratios) == sparse.ROUNDS
