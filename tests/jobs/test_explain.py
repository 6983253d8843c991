"""Explain shows one line a table, or one for a scan, with figures of the search it made."""

from __future__ import annotations

import re

import numpy as np
import pytest
from small_codes import make

import indexer
from hashcore.errors import InvalidInputError
from jobs import explain
from jobs.config.pipeline import Pipeline
from jobs.config.sections.search import SearchConfig


def pipeline(root, **question):
    return Pipeline.model_validate({"name": "a", "root": str(root), "search": question})


def run(root, capsys, **question):
    """Explain, and return the head and the cells of every line of the table."""
    explain.run(pipeline(root, **question))
    head, *lines = capsys.readouterr().out.splitlines()
    return head, [line.split() for line in lines]


@pytest.fixture
def built(tmp_path):
    """An index of two shards of random codes, the first with tables."""
    codes = np.random.default_rng(0).integers(0, 256, (60_000, 8), dtype=np.uint8)
    indexer.build(str(tmp_path / "index"), np.arange(60_000), codes, code_length=64, rows_per_shard=59_000)
    make(tmp_path / "codes" / "queries", files=(9,), code_length=64)
    return tmp_path


def test_tables_and_scans_are_shown_shard_by_shard(built, capsys):
    head, (header, *lines) = run(built, capsys, radius=2)
    assert head == "9 queries, radius 2 of 64 bits, 60,000 items"
    index = indexer.open(str(built / "index"))
    names = [entry.digest[:8] for entry in index.shards]
    tables = len(index.manifest.layout.substrings)
    assert header[0] == "shard"
    assert [line[0] for line in lines if line[0] in names] == [names[0]] * tables + [names[1]]
    assert [line[1] for line in lines if line[0] == names[0]] == ["59,000"] * tables
    assert "scan" in next(line for line in lines if line[0] == names[1])


def test_a_scan_alone_has_no_empty_columns(built, capsys):
    _, (header, *lines) = run(built, capsys, radius=64)
    assert header == ["shard", "rows", "distinct", "neighbors", "by"]
    assert [line[-1] for line in lines[:2]] == ["scan", "scan"]


def test_the_radius_of_k_nearest_is_explained(built, capsys):
    head, _ = run(built, capsys, k=3)
    assert re.search(
        r"radius \d+ of 64 bits \(half of the queries have their 3 nearest within it\), 60,000 items", head
    )


def test_k_nearest_are_explained_by_the_radius_that_half_of_the_queries_need(built):
    index = indexer.open(str(built / "index"))
    queries = np.concatenate([index.open_shard(1).contents.codes()[:2], np.zeros((1, 8), np.uint8)])
    assert explain.asked_radius(SearchConfig(k=1), index, queries) == 0
    assert explain.asked_radius(SearchConfig(radius=7), index, queries) == 7


def test_queries_that_do_not_fit_are_refused(tmp_path):
    made = make(tmp_path / "codes" / "queries", files=(9,), code_length=32)
    indexer.build(str(tmp_path / "index"), made.ids, made.codes[:, :3], code_length=24)
    with pytest.raises(InvalidInputError, match="codes of 32 bits but the index holds 24"):
        explain.run(pipeline(tmp_path, radius=1))
