"""Two executors that have nothing but the archive: index, search and evaluate run on them, one is killed on the way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from oracle import as_integers, ranking
from small_codes import make
from spark_submit import UNPACKED, ended, run, run_and_kill_an_executor, submit

K = 3
WHERE = """
import os, sys
from jobs.engine.spark import session
from jobs.config.sections.spark import SparkConfig
from jobs.engine.spark_engine import SparkEngine
def where(task):
    import hashcore, indexer, jobs
    from hashcore import hamming
    files = [hashcore.__file__, indexer.__file__, jobs.__file__, hamming._kernels.__file__, sys.prefix]
    return {"files": files, "torch": "torch" in sys.modules, "path": sys.path, "pid": os.getppid()}
print(__import__("json").dumps(SparkEngine(session(SparkConfig(), "where")).map_tasks(where, range(8))))
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A pipeline of 60,000 codes in 12 shards, and 40 queries."""
    root = tmp_path_factory.mktemp("cluster")
    make(root / "codes" / "database", files=(30_000, 30_000), code_length=64)
    make(root / "codes" / "queries", files=(40,), code_length=64)
    (root / "a.yaml").write_text(
        f"name: a\nroot: {root}\nindex: {{rows_per_shard: 5000}}\nsearch: {{k: {K}, queries_per_task: 10}}\n"
    )
    (root / "where.py").write_text(WHERE)
    return root


def test_executors_import_everything_from_the_unpacked_archive(root):
    found = json.loads(ended(submit(root / "where.py", folder=root)).splitlines()[-1])
    source = Path(__file__).parents[2]
    for worker in found:
        assert all(UNPACKED.search(file) for file in worker["files"]), worker["files"]
        assert not {str(source), str(source / "jobs")} & set(worker["path"])
        assert not worker["torch"]
    assert len({worker["pid"] for worker in found}) == 2


def test_the_index_is_built_although_an_executor_is_killed(root):
    said = run_and_kill_an_executor("index", root, lambda: list((root / "index").glob(".entries-*/*.json")))
    assert "index: 60,000 codes in 12 shards" in said


def test_search_on_the_cluster_equals_the_definition(root):
    assert "search: 120 neighbors" in run("search", root)
    database, queries = (pq.read_table(root / "codes" / part / "data") for part in ("database", "queries"))
    ids = database.column("id").to_pylist()
    items = as_integers(np.array([list(code) for code in database.column("code").to_pylist()], np.uint8))
    found = pq.read_table(root / "neighbors").to_pylist()
    for row in queries.slice(0, 5).to_pylist():
        (query,) = as_integers(np.array([list(row["code"])], np.uint8))
        mine = [(r["distance"], r["id"]) for r in found if r["query_id"] == row["id"]]
        assert mine == ranking(ids, items, query)[:K]


def test_the_cluster_evaluates_the_complete_ranking(root):
    assert "evaluate: 40 queries, 60,000 items" in run("evaluate", root)
    figures = json.loads((root / "metrics.json").read_text())["figures"]
    assert 0 < figures["mAP"]["worst"] <= figures["mAP"]["value"] <= figures["mAP"]["best"] <= 1
