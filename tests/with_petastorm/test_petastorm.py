"""Petastorm keeps the contract of a reader; run by `make test-petastorm` in the environment that it needs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import reader_contract


def test_petastorm_keeps_the_contract(tmp_path):
    reader_contract.check(reader_contract.source(tmp_path), "petastorm")
