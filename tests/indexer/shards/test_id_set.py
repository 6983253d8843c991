from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.shards.id_set import IdSet


def expected(wanted, ids):
    members = set(wanted.tolist())
    return [place for place, one in enumerate(ids.tolist()) if one in members]


@pytest.mark.parametrize("dtype", [np.uint32, np.int64])
@given(st.data())
def test_an_id_set_finds_what_a_python_set_finds(dtype, data):
    bounds = np.iinfo(dtype)
    near = st.integers(0, 40)  # so that many are found
    ids = st.lists(near | st.integers(int(bounds.min), int(bounds.max)))
    wanted, among = (np.array(data.draw(ids), dtype) for _ in range(2))
    assert IdSet(wanted).places(among).tolist() == expected(wanted, among)


def test_blocks_end_anywhere_and_a_full_table_tells_the_truth():
    among = np.random.default_rng(0).permutation(100).astype(np.uint32)
    wanted = among[::9].copy()
    crowded = IdSet(wanted, block_ids=7, most_bits=3)  # every id has the hash of another
    assert crowded.places(among).tolist() == list(range(0, 100, 9))


def test_ids_of_one_hash_are_told_apart():
    among = np.arange(1_000, dtype=np.int64)
    among = among << 32 | among  # both halves cancel in the hash
    assert IdSet(among[:10]).places(among).tolist() == list(range(10))
