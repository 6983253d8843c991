"""A minute of writers, readers, verifiers and vacuums on one index: no error but the documented ones, counts exact.

Each writer appends and deletes ids of its own, so it knows what must be there; in the end the index holds that.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections import Counter

import numpy as np
import pytest

import indexer
from hashcore import codes
from hashcore.errors import HashcoreError

LENGTH = 32
CODES = codes.pack(np.random.default_rng(0).integers(0, 2, (1_000, LENGTH)))
SECONDS = float(os.environ.get("HASHCORE_STRESS_SECONDS", "60"))
DOCUMENTED = (
    "was vacuumed; open the index again",  # a generation that was held while a vacuum removed it
    "another writer committed first",  # whose change does not apply to what is current now
    "has no generation",
)
fork = multiprocessing.get_context("fork")


def write(root, number, ends, results):
    """Append, delete and compact until the end; put what is left of this writer's ids, and what failed how often."""
    generator, held, errors, done = np.random.default_rng(number), set(), Counter(), 0
    following = 1_000_000 * (number + 1)
    while time.time() < ends:
        verb = generator.choice(["append", "append", "delete", "compact"])
        ids = np.arange(following, following + 5)
        gone = np.array(sorted(held)[:3], np.int64)
        try:
            index = indexer.open(root)
            if verb == "append":
                index.append(ids, CODES[ids % 1_000])
                held, following = held | set(ids.tolist()), following + 5
            elif verb == "delete":
                index.delete(gone)
                held -= set(gone.tolist())
            else:
                index.compact(rows_per_shard=400)
            done += 1
        except Exception as error:
            errors[told(error)] += 1
    results.put(("writer", done, errors, sorted(held)))


def read(root, number, ends, results):
    """Open and search until the end; each answer is of one generation, whole and in order."""
    generator, errors, done = np.random.default_rng(number), Counter(), 0
    while time.time() < ends:
        asked = CODES[generator.integers(0, 1_000, 3)]
        try:
            index = indexer.open(root)
            found = index.range_search(asked, LENGTH)
            assert found.counts().tolist() == [len(index)] * 3
            for query in range(3):
                ids, distances = found.of(query)
                assert len(set(ids.tolist())) == len(ids)
                expected = np.bitwise_count(CODES[ids % 1_000] ^ asked[query]).sum(axis=1)
                assert np.array_equal(expected, distances)
                assert np.array_equal(np.lexsort((ids, distances)), np.arange(len(ids)))
            done += 1
        except Exception as error:
            errors[told(error)] += 1
    results.put(("reader", done, errors, []))


def verify(root, number, ends, results):
    """Open and verify until the end."""
    errors, done = Counter(), 0
    while time.time() < ends:
        try:
            indexer.open(root).verify(audited=2)
            done += 1
        except Exception as error:
            errors[told(error)] += 1
    results.put(("verifier", done, errors, []))


def vacuum(root, number, ends, results):
    """Remove old generations, and files that are old, until the end."""
    errors, done = Counter(), 0
    while time.time() < ends:
        try:
            indexer.open(root).vacuum(keep=1 + number % 3)
            done += 1
        except Exception as error:
            errors[told(error)] += 1
        time.sleep(0.05)
    results.put(("vacuum", done, errors, []))


def told(error):
    """Return a documented error by its name, any other one whole."""
    text = str(error)
    known = next((part for part in DOCUMENTED if part in text), None)
    return known if known is not None and isinstance(error, HashcoreError) else f"{type(error).__name__}: {text}"


def stress(root, seconds):
    """Run three writers, two readers, one verifier and three vacuums; return what each put."""
    indexer.build(root, np.arange(100), CODES[:100], code_length=LENGTH, rows_per_shard=50)
    results, ends = fork.Queue(), time.time() + seconds
    roles = [write, write, write, read, read, verify, vacuum, vacuum, vacuum]
    crew = [fork.Process(target=role, args=(root, number, ends, results)) for number, role in enumerate(roles)]
    for process in crew:
        process.start()
    told = [results.get(timeout=seconds + 120) for _ in crew]
    for process in crew:
        process.join()
    return told


def holds_what_it_must(root, outcomes):
    """Assert that only documented errors were met, that every role got through, and that no row is lost or doubled."""
    errors = sum((errors for _, _, errors, _ in outcomes), Counter())
    assert set(errors) <= set(DOCUMENTED), json.dumps(errors, indent=1)
    assert all(done > 0 for _, done, _, _ in outcomes), outcomes
    index = indexer.open(root)
    index.verify()
    ids = np.concatenate([index.open_shard(number).contents.ids for number in range(len(index.shards))])
    assert sorted(ids.tolist()) == sorted([*range(100), *(id_ for _, _, _, held in outcomes for id_ in held)])


@pytest.mark.parametrize("kind", ["directory", "s3"])
def test_a_few_seconds_of_all_at_once_lose_nothing(request, tmp_path, kind):
    root = str(tmp_path / "index") if kind == "directory" else f"{request.getfixturevalue('bucket')}/index"
    holds_what_it_must(root, stress(root, 4))


@pytest.mark.faults
def test_a_minute_of_all_at_once_loses_nothing(tmp_path, record_property):
    outcomes = stress(str(tmp_path / "index"), SECONDS)
    record_property("outcomes", str([(role, done, dict(errors)) for role, done, errors, _ in outcomes]))
    print([(role, done, dict(errors)) for role, done, errors, _ in outcomes])
    holds_what_it_must(str(tmp_path / "index"), outcomes)
