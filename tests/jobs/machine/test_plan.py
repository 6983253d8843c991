from dataclasses import replace

import numpy as np
import pytest

import indexer
from hashcore.errors import InvalidInputError
from indexer.search.plan import Costs
from jobs import cli
from jobs.machine import dense_codes, measuring, plan

CONSTANTS = measuring.Constants(
    costs=Costs(probe=3.0, candidate=0.25, scan=0.06), build=20.0, query=50.0, read=0.6, write=0.5
)


@pytest.mark.parametrize(("code_length", "rows"), [(64, 200_000), (128, 120_000)])
def test_predicted_bytes_are_those_of_a_built_index(tmp_path, code_length, rows):
    database = dense_codes.uniform(np.random.default_rng(0), rows, code_length)
    index = indexer.build(str(tmp_path / "index"), np.arange(rows), database, code_length=code_length)
    found = plan.predict(CONSTANTS, rows, code_length, radius=2, cores=1)
    assert found.bytes_per_code * rows == pytest.approx(index.shards[0].bytes, rel=0.01)


def test_ten_times_the_codes_take_ten_times_the_shards_build_and_search():
    small, large = (plan.predict(CONSTANTS, n, 64, radius=4, cores=2) for n in (640_000_000, 6_400_000_000))
    assert (small.shards, large.shards) == (10, 100)
    assert large.build_s == pytest.approx(10 * small.build_s)
    assert large.query_us == pytest.approx(10 * small.query_us)
    assert large.queries_per_s == pytest.approx(small.queries_per_s / 10)


def test_a_billion_codes_of_64_bits_take_less_than_40_bytes_each():
    assert plan.predict(CONSTANTS, 10**9, 64, radius=4, cores=2).bytes_per_code < 40


def test_building_takes_as_long_as_computing_or_as_writing():
    slow = replace(CONSTANTS, write=100.0)
    quick, waiting = (plan.predict(given, 10**9, 64, radius=4, cores=2) for given in (CONSTANTS, slow))
    assert quick.build_s < waiting.build_s == pytest.approx(100 * waiting.bytes_per_code)


def test_from_storage_a_batch_takes_as_long_as_reading_or_as_searching():
    few, many = (plan.predict(CONSTANTS, 10**9, 64, radius=4, cores=2, queries=n) for n in (1000, 100_000_000))
    assert few.read_bytes < many.read_bytes < 10**9 * many.bytes_per_code
    assert few.cold_s == pytest.approx(CONSTANTS.read * few.read_bytes / 1e9)
    assert many.cold_s == pytest.approx(100_000_000 / many.queries_per_s)


def test_a_radius_beyond_the_tables_is_planned_as_a_scan():
    assert plan.predict(CONSTANTS, 10**6, 64, radius=40, cores=2).plan.is_scan


@pytest.mark.parametrize(
    "words",
    [
        ["--codes", "0"],
        ["--codes", "1e6", "--cores", "0"],
        ["--codes", "9", "--rows-per-shard", "0"],
        ["--codes", "9", "--bits", "7"],
    ],
)
def test_what_cannot_be_planned_is_refused_in_one_line(capsys, words):
    assert cli.main(["plan", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_radius_must_lie_in_the_code():
    with pytest.raises(InvalidInputError, match=r"use 0\.\.64"):
        plan.check_radius(65, 64)


def test_the_command_measures_this_machine_and_predicts(capsys, monkeypatch):
    monkeypatch.setattr(measuring, "MEASURED_CODES", 200_000)
    monkeypatch.setattr(measuring, "WRITTEN_BYTES", measuring.READ_BLOCK)
    assert cli.main(["plan", "--codes", "1e9", "--radius", "4"]) == 0
    said = capsys.readouterr().out
    assert "index    16 shards" in said and "build" in said and "search" in said and "cold" in said
