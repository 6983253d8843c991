"""Files that lie, with digests that are right: no crash, no hang, no memory without bound, errors of one line.

And where `verify` finds nothing, every answer is that of a scan. `support/mutations.py` says what is changed, by
number; `python tests/faults/support/mutated.py NUMBER 1 FOLDER`, with PYTHONPATH=tests/support,
tries one again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sanitized

TESTS = Path(__file__).parents[1]
MUTATED = TESTS / "faults" / "support" / "mutated.py"
SANITIZED = TESTS.parent / "build" / "sanitized"
MANY = int(os.environ.get("HASHCORE_MUTATIONS", "10000"))
MOST_BYTES = 3 << 30  # 2 GiB of an answer, as searches promise
BATCH = 250


def tried(first, count, folder, environment):
    """Try some mutations in processes of their own; one that ends early is told with the mutation that ended it."""
    told, following, stop = [], first, first + count
    while following < stop:
        command = [sys.executable, str(MUTATED), str(following), str(stop - following), str(folder)]
        done = subprocess.run(
            [*command, str(MOST_BYTES)], env=environment, capture_output=True, text=True, check=False, timeout=3_600
        )
        lines = done.stdout.splitlines()
        told += [json.loads(line) for line in lines if line.startswith("{")]
        if done.returncode == 0:
            break
        number = int([line for line in lines if line.startswith("try ")][-1].split()[1])
        told.append({"number": number, "done": "", "outcome": "ended", "wrong": [done.stderr[-3_000:]]})
        following = number + 1
    return told


def assert_none_is_wrong(told, count):
    assert sorted(one["number"] for one in told) == list(range(count))
    wrong = [one for one in told if one["wrong"]]
    assert not wrong, "\n".join(f"{one['number']}: {one['done'][:300]}: {one['wrong'][0]}" for one in wrong[:20])
    outcomes = Counter(one["outcome"] for one in told)
    assert outcomes["opened"] > count / 4 and outcomes["verified"] > count / 30, outcomes


def test_some_mutated_files_are_refused_or_answer_and_never_crash(tmp_path):
    usual = {**os.environ, "PYTHONPATH": str(TESTS / "support"), "HASHCORE_THREADS": "1"}
    usual.pop(sanitized.FOLDER, None)
    assert_none_is_wrong(tried(0, 120, tmp_path, usual), 120)


@pytest.mark.faults
def test_ten_thousand_mutated_files_touch_nothing_outside_their_arrays(tmp_path):
    if not list(SANITIZED.glob("*.so")):
        pytest.skip("the modules with AddressSanitizer are not built; type make test-faults")
    environment = {**sanitized.environment(str(SANITIZED)), "HASHCORE_THREADS": "2"}

    def batch(first):
        folder = tmp_path / str(first)
        folder.mkdir()
        return tried(first, min(BATCH, MANY - first), folder, environment)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as crew:
        told = [one for part in crew.map(batch, range(0, MANY, BATCH)) for one in part]
    assert_none_is_wrong(told, MANY)
