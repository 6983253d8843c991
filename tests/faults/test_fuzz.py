"""A hundred thousand headers and manifests, mutated towards new branches: none crashes, none answers wrongly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

RUNS = 100_000


@pytest.mark.faults
def test_fuzzed_headers_and_manifests_are_named_or_harmless(tmp_path):
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, str(tests / "faults" / "support" / "fuzz.py"), str(RUNS), str(tmp_path / "corpus")],
        env={**os.environ, "PYTHONPATH": str(tests / "support")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert f"stat::number_of_executed_units: {RUNS}" in done.stderr
    coverage = [int(line.split("cov: ")[1].split()[0]) for line in done.stderr.splitlines() if "cov: " in line]
    assert coverage[-1] > 150
