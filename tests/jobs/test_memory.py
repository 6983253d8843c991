"""Memory is a promise: projected before a job starts, above what it takes, and refused above what it may take."""

from __future__ import annotations

import multiprocessing
import re
from pathlib import Path

import numpy as np
import pytest
from codes_directory import make

import indexer
from hashcore.errors import ConfigError
from jobs import index, search
from jobs.pipeline import memory
from jobs.pipeline.config import Pipeline
from jobs.pipeline.spark import SparkConfig

ROWS = 400_000


def build(root, layout, results):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (ROWS, layout.code_length // 8), np.uint8)
    indexer.build_shard(root, np.arange(ROWS), codes, layout=layout, threads=2)
    status = Path("/proc/self/status").read_text()  # ru_maxrss would be the parent's where that is larger
    results.put(1024 * int(re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)[1]))


@pytest.mark.parametrize("code_length", [64, 256])
def test_building_takes_no_more_than_projected(tmp_path, code_length):
    sample = np.random.default_rng(0).integers(0, 256, (1_000, code_length // 8), np.uint8)
    layout = indexer.plan_layout(sample, code_length=code_length, rows_per_shard=ROWS)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    child = context.Process(target=build, args=(str(tmp_path), layout, results))
    child.start()
    peak_bytes = results.get(timeout=120)
    child.join()
    assert 0.2 * memory.building_bytes(ROWS, layout) < peak_bytes < memory.building_bytes(ROWS, layout)


def test_what_is_too_much_is_refused_with_both_figures_and_the_settings():
    with pytest.raises(ConfigError, match=r"index: .* 2,048 MiB but may take 1,024 MiB; lower a\.b, or raise"):
        memory.promise("index", 2 << 30, SparkConfig(task_memory="1g"), "lower a.b")
    memory.promise("index", 1 << 30, SparkConfig(task_memory="1g"), "lower a.b")
    memory.promise("index", 1 << 30, SparkConfig(), "lower a.b")


def test_index_and_search_refuse_before_any_work(spark, tmp_path):
    make(tmp_path / "codes" / "database", code_length=64)
    make(tmp_path / "codes" / "queries", code_length=64)
    values = {"name": "a", "root": str(tmp_path), "search": {"radius": 3}}
    small = Pipeline.model_validate({**values, "spark": {"task_memory": "9m"}})
    with pytest.raises(ConfigError, match=r"index: a task is projected.*lower index\.rows_per_shard"):
        index.run(small)
    assert not (tmp_path / "index").exists()
    index.run(Pipeline.model_validate(values))
    with pytest.raises(ConfigError, match=r"search: a task is projected.*lower search\.queries_per_task"):
        search.run(small)
    assert not (tmp_path / "neighbors").exists()
