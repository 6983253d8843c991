"""Ids that occur twice are found in bounded memory, whatever their order, and wherever the tasks run."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.stages.unique_ids import repeated

ANY_ID = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-3, 3))


def batches(lists):
    return [np.array(ids, np.int64) for ids in lists]


def expected(lists):
    return sorted(id_ for id_, count in Counter(id_ for ids in lists for id_ in ids).items() if count > 1)


@given(st.lists(st.lists(ANY_ID, max_size=9), max_size=6), st.sampled_from([1, 2, 3, 7, 100]))
def test_repeated_ids_are_those_counted_more_than_once(lists, at_once):
    assert repeated(batches(lists), sum(map(len, lists)), at_once=at_once).tolist() == expected(lists)


@pytest.mark.parametrize("step", [1, 2**32, 2**48 + 1])
def test_many_ids_are_divided_into_files_that_each_fit_in_memory(step, monkeypatch):
    held, read = [], np.fromfile

    def from_file(name, dtype):
        held.append(len(found := read(name, dtype)))
        return found

    monkeypatch.setattr(np, "fromfile", from_file)
    ids = np.arange(100_000, dtype=np.int64) * step
    given_ids = np.array_split(np.append(ids, ids[77_777]), 50)
    assert repeated(iter(given_ids), 100_001, at_once=4_000).tolist() == [ids[77_777]]
    assert sum(held) == 100_001 and max(held) < 4_000


def test_one_id_a_million_times_fills_no_file(monkeypatch):
    held, read = [], np.fromfile

    def from_file(name, dtype):
        held.append(len(found := read(name, dtype)))
        return found

    monkeypatch.setattr(np, "fromfile", from_file)
    assert repeated((np.full(10_000, 7) for _ in range(100)), 1_000_000, at_once=20_000).tolist() == [7]
    assert sum(held) == 100
