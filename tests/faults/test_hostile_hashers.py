"""Three thousand mutations of each hasher: each is loaded, or refused in one line and without filling the memory."""

from __future__ import annotations

import hostile_hashers
import pytest

RUNS = 3_000


@pytest.mark.faults
def test_many_mutated_hashers_are_loaded_or_refused_in_one_line(tmp_path):
    found = hostile_hashers.run(tmp_path, 1000, 1000 + RUNS)
    assert found["bad"] == [] and found["slowest_s"] < 10
    assert found["counts"]["loaded"] > 50
