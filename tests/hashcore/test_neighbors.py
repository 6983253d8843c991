from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hashcore import codes, hamming
from hashcore.neighbors import Neighbors


@given(st.integers(1, 5), st.integers(1, 2000), st.integers(0, 2**32), st.booleans())
def test_merging_the_answers_of_parts_gives_the_answer_of_the_whole(parts, items, seed, nearest):
    rng = np.random.default_rng(seed)
    database, queries = (rng.integers(0, 256, (n, 1), np.uint8) for n in (items, 300))
    cuts = np.linspace(0, items, parts + 1).astype(int)
    k = min(items, 5)
    answers = []
    for begin, end in pairwise(cuts):
        part = database[begin:end]
        found = hamming.knn_search(part, queries, min(k, len(part))) if nearest and len(part) else None
        found = found or hamming.range_search(part, queries, 8 if nearest else 2)
        answers.append(Neighbors(found.offsets, found.ids + begin, found.distances))
    whole = hamming.knn_search(database, queries, k) if nearest else hamming.range_search(database, queries, 2)
    merged = Neighbors.merge(answers, k if nearest else None, threads=2)
    assert np.array_equal(merged.offsets, whole.offsets)
    assert np.array_equal(merged.ids, whole.ids) and np.array_equal(merged.distances, whole.distances)


def test_concatenating_blocks_of_queries_gives_the_answer_of_all():
    rng = np.random.default_rng(0)
    database, queries = (codes.pack(rng.integers(0, 2, (n, 12))) for n in (50, 9))
    whole = hamming.range_search(database, queries, 4)
    blocks = [hamming.range_search(database, queries[a:b], 4) for a, b in ((0, 4), (4, 4), (4, 9))]
    joined = Neighbors.concatenate(blocks)
    assert len(whole.ids) > 20
    assert np.array_equal(joined.offsets, whole.offsets) and np.array_equal(joined.ids, whole.ids)


def test_an_answer_as_a_table_has_one_row_a_neighbor():
    found = Neighbors(np.array([0, 2, 2, 3]), np.array([7, 8, 9]), np.array([0, 3, 1], np.uint16))
    table = found.to_arrow(np.array([100, 200, 300]))
    assert table.to_pydict() == {"query_id": [100, 100, 300], "id": [7, 8, 9], "distance": [0, 3, 1]}
    assert [str(field.type) for field in table.schema] == ["int64", "int64", "int32"]
    assert found.counts().tolist() == [2, 0, 1] and found.query_numbers().tolist() == [0, 0, 2]
