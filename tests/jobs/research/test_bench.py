"""Every benchmark runs: on few codes, where only that its answers equal those of its peer says anything."""

from __future__ import annotations

import json

import pytest

from jobs import cli
from jobs.research import bench
from jobs.research.benchmarks import comparison, sparse_growth
from jobs.research.benchmarks.spark import encode_job, search_job


@pytest.mark.parametrize("name", ["build", "generations", "latency", "ranking"])
def test_a_benchmark_runs_and_its_answers_are_those_of_its_peer(name, tmp_path, capsys):
    assert cli.main(["bench", name, "--codes", "2e4", "--json", str(tmp_path / "rows.json")]) == 0
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    assert rows and all(row["ratio"] > 0 and row["peer"] in capsys.readouterr().out for row in rows[:1])


def test_searching_on_spark_is_compared_with_searching_here(spark):
    rows = list(search_job.run(codes=20_000, queries=50, radii=(4,), k=3, warming=1, rounds=1))
    assert [row.work.partition("queries, ")[2] for row in rows] == ["radius 4", "k 3"]


def test_encoding_on_spark_is_compared_with_a_plain_loop(spark, monkeypatch):
    monkeypatch.setattr(
        encode_job, "compare", lambda *given, **named: comparison.compare(*given, **{**named, "rounds": 1})
    )
    rows = list(encode_job.run(codes=800))
    assert [row.facts["items"] for row in rows] == [800, 100, 20]


def test_sparse_codes_built_shard_by_shard_are_held_against_scans(tmp_path):
    row = sparse_growth.measure(4000, tmp_path, rows_per_shard=1500, queries={0: 30, 2: 30})
    assert row.shards == 3 and row.neighbors[0] >= 30 and row.neighbors[2] >= 30
    assert not list(tmp_path.iterdir())


def test_options_of_one_benchmark_are_refused_by_another(capsys):
    assert cli.main(["bench", "scan", "--radius", "3"]) == cli.EXIT_ERROR
    assert "--radius and --queries to it and bench search-spark" in capsys.readouterr().err
    assert cli.main(["bench", "search-spark", "--bits", "64", "128"]) == cli.EXIT_ERROR
    assert set(bench.BENCHMARKS) >= {"search", "search-spark"}
