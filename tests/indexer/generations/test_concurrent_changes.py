"""Changes at once, by threads on one index and by writers of their own: as if one had come after the other."""

from __future__ import annotations

import itertools
import resource
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import indexer
from hashcore import codes
from hashcore.errors import InvalidInputError

LENGTH = 32
BITS = np.random.default_rng(0).integers(0, 2, (200, LENGTH))
CODES = codes.pack(BITS)
START = set(range(60))


def start(root):
    return indexer.build(str(root), np.arange(60), CODES[:60], code_length=LENGTH, rows_per_shard=20)


def append(index):
    index.append(np.arange(100, 110), CODES[:10])


def append_others(index):
    index.append(np.arange(200, 205), CODES[:5])


def delete(index):
    index.delete(np.array([3, 25, 59, 100, 104]))


def compact(index):
    index.compact(rows_per_shard=1_000)


def vacuum(index):
    index.vacuum(keep=2)


def search(index):
    found = index.range_search(CODES[:2], LENGTH)
    assert len(found.of(0)[0]) == len(set(found.of(0)[0].tolist()))


CHANGES = {f.__name__: f for f in (append, append_others, delete, compact, vacuum, search)}
ADDED = {"append": set(range(100, 110)), "append_others": set(range(200, 205))}
DELETED = {3, 25, 59, 100, 104}


def after(order):
    """Return the ids that are left after some changes one after another; None where one is refused."""
    ids = set(START)
    for name in order:
        if ids & ADDED.get(name, set()):
            return None
        ids |= ADDED.get(name, set())
        ids -= DELETED if name == "delete" else set()
    return frozenset(ids)


def at_once(actions):
    """Run actions in threads that begin together, and return what each raised."""
    gate, raised = threading.Barrier(len(actions)), [None] * len(actions)

    def run(number):
        gate.wait()
        try:
            actions[number]()
        except Exception as error:
            raised[number] = error

    crew = [threading.Thread(target=run, args=(number,)) for number in range(len(actions))]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return raised


def ids_of(index):
    """Return the ids of an index, each of which it must hold once."""
    ids = np.concatenate([index.open_shard(number).contents.ids for number in range(len(index.shards))]).tolist()
    assert len(ids) == len(set(ids)) == len(index)
    return frozenset(ids)


@pytest.mark.parametrize("shared", [True, False], ids=["one-object", "two-objects"])
@pytest.mark.parametrize(("one", "other"), list(itertools.combinations_with_replacement(CHANGES, 2)))
def test_two_changes_at_once_are_as_one_after_the_other(tmp_path, one, other, shared):
    for attempt in range(6):
        root = tmp_path / str(attempt)
        first = start(root)
        second = first if shared else indexer.open(str(root))
        raised = at_once([lambda: CHANGES[one](first), lambda: CHANGES[other](second)])  # noqa: B023 (they end here)
        index = indexer.open(str(root))
        index.verify()
        if one == other and one in ADDED:
            assert sum(isinstance(error, InvalidInputError) for error in raised) == 1 and raised.count(None) == 1
            assert "are in the index already" in str(next(filter(None, raised)))
            assert ids_of(index) == after([one])
        else:
            assert raised == [None, None]
            assert ids_of(index) in {after([one, other]), after([other, one])}


def test_eight_threads_append_to_one_index_without_a_refusal(tmp_path):
    index = start(tmp_path)

    def append_some(number):
        for part in range(5):
            index.append(np.arange(10) + 1_000 * (number + 1) + 10 * part, CODES[:10])

    assert at_once([lambda n=number: append_some(n) for number in range(8)]) == [None] * 8
    index = indexer.open(str(tmp_path))
    assert len(ids_of(index)) == 60 + 400 and index.generation >= 41
    index.verify()


FEW_DESCRIPTORS = """
import resource, sys, numpy as np, indexer
from hashcore import codes
hard = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
index = indexer.open(sys.argv[1])
asked = codes.pack(np.random.default_rng(0).integers(0, 2, (200, 32)))[:3]
assert index.range_search(asked, 32).counts().tolist() == [300] * 3
assert index.knn_search(asked, 300).counts().tolist() == [300] * 3
assert len(index.explain(asked, 3)) == 300
index.compact(1_000)
assert len(index.shards) == 1 and index.range_search(asked, 32).counts().tolist() == [300] * 3
index.verify()
"""


@pytest.mark.parametrize("hard", [128, 4096])
def test_more_shards_than_descriptors_are_searched_and_compacted(tmp_path, hard):
    ids = np.arange(300)
    indexer.build(str(tmp_path), ids, CODES[ids % 200], code_length=LENGTH, rows_per_shard=1)
    limit = min(hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    done = subprocess.run(
        [sys.executable, "-c", FEW_DESCRIPTORS, str(tmp_path), str(limit)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]


def test_the_shards_of_an_opened_index_cost_an_append_nothing(tmp_path):
    ids = np.arange(1_500)
    index = indexer.build(str(tmp_path), ids, CODES[ids % 200], code_length=LENGTH, rows_per_shard=1)
    index.range_search(CODES[:1], 3)
    compared = 0

    def count(self, other):
        nonlocal compared
        compared += 1
        return object.__eq__(self, other)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexer.ShardEntry, "__eq__", count)
        index.append(np.array([5_000]), CODES[:1])
    assert compared < 10 * len(index.shards) and len(index) == 1_501


def test_a_search_that_an_append_overtakes_answers_of_one_generation(tmp_path):
    index, ends, wrong = start(tmp_path), time.monotonic() + 1, []

    def append_on():
        for number in itertools.count():
            if time.monotonic() > ends:
                return
            index.append(np.arange(10) + 1_000 * (number + 1), CODES[:10])

    def search_on():
        while time.monotonic() < ends:
            counts = index.range_search(CODES[:4], LENGTH).counts().tolist()
            if len(set(counts)) != 1 or counts[0] % 10:
                wrong.append(counts)

    assert at_once([append_on, search_on, search_on]) == [None] * 3
    assert wrong == []
