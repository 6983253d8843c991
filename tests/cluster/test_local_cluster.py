"""Two executors that have nothing but the archive: index, search and evaluate run on them, one is killed on the way.

`make test-cluster` builds wheel, environment and archive, and says where they are.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pyspark
import pytest
from codes_directory import make
from oracle import as_integers, ranking

ENVIRONMENT, ARCHIVE = Path(os.environ["HASHCORE_ENVIRONMENT"]), Path(os.environ["HASHCORE_ARCHIVE"])
SPARK_HOME = Path(pyspark.__file__).parent
INSTALLED = next(ENVIRONMENT.glob("lib/python*/site-packages/jobs"))
UNPACKED = re.compile(r"/work/app-[\d-]+/\d+/environment(/|$)")  # the folder of one executor
K = 3
WHERE = """
import os, sys
from jobs.pipeline.spark import SparkConfig, session
from jobs.pipeline.tasks import map_tasks
def where(task):
    import hashcore, indexer, jobs
    from hashcore import hamming
    files = [hashcore.__file__, indexer.__file__, jobs.__file__, hamming._kernels.__file__, sys.prefix]
    return {"files": files, "torch": "torch" in sys.modules, "path": sys.path, "pid": os.getppid()}
print(__import__("json").dumps(map_tasks(session(SparkConfig(), "where"), where, range(8))))
"""


def submit(script, *arguments, folder, **options):
    """Start spark-submit in a folder outside of the source tree, with nothing of it on any path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}
    environment |= {"SPARK_HOME": str(SPARK_HOME), "PYSPARK_DRIVER_PYTHON": str(ENVIRONMENT / "bin" / "python")}
    environment["PYSPARK_PYTHON"] = "./environment/bin/python"
    command = [SPARK_HOME / "bin" / "spark-submit", "--master", "local-cluster[2,1,2048]"]
    command += ["--archives", f"{ARCHIVE}#environment", "--conf", "spark.executor.memory=1g"]
    command += ["--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.ui.enabled=false"]
    return subprocess.Popen([*command, script, *arguments], cwd=folder, env=environment, text=True, **options)


def executors(root):
    """Return the processes of the executors that a spark-submit has started."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if "CoarseGrainedExecutorBackend" in line and str(root) in os.readlink(place / "cwd"):
            found.append(int(place.name))
    return found


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
    yield root
    shutil.rmtree(SPARK_HOME / "work", ignore_errors=True)  # what executors unpacked


def run(root, verb):
    job = submit(INSTALLED / f"{verb}.py", "--config", root / "a.yaml", folder=root, stdout=-1, stderr=-1)
    said, wrong = job.communicate(timeout=900)
    assert job.returncode == 0, wrong[-2000:]
    return said


def test_executors_import_everything_from_the_unpacked_archive(root):
    job = submit(root / "where.py", folder=root, stdout=-1, stderr=-1)
    said, wrong = job.communicate(timeout=900)
    assert job.returncode == 0, wrong[-2000:]
    found = json.loads(said.splitlines()[-1])
    source = Path(__file__).parents[2]
    for worker in found:
        assert all(UNPACKED.search(file) for file in worker["files"]), worker["files"]
        assert not {str(source), str(source / "jobs")} & set(worker["path"])
        assert not worker["torch"]
    assert len({worker["pid"] for worker in found}) == 2


def test_the_index_is_built_although_an_executor_is_killed(root):
    job = submit(INSTALLED / "index.py", "--config", root / "a.yaml", folder=root, stdout=-1, stderr=-1)
    deadline = time.monotonic() + 900  # a busy machine is no failure
    while not list((root / "index").glob(".entries/*.json")):  # the first shard is built: executors are at work
        assert job.poll() is None and time.monotonic() < deadline, "the job ended before an executor could be killed"
        time.sleep(0.02)
    victims = executors(SPARK_HOME) or executors(root)
    assert len(victims) == 2
    os.kill(victims[0], signal.SIGKILL)
    said, wrong = job.communicate(timeout=900)
    assert job.returncode == 0, wrong[-2000:]
    assert "index: 60,000 codes in 12 shards" in said


def test_search_on_the_cluster_equals_the_definition(root):
    assert "search: 120 neighbors" in run(root, "search")
    database, queries = (pq.read_table(root / "codes" / part / "data") for part in ("database", "queries"))
    ids = database.column("id").to_pylist()
    items = as_integers(np.array([list(code) for code in database.column("code").to_pylist()], np.uint8))
    found = pq.read_table(root / "neighbors").to_pylist()
    for row in queries.slice(0, 5).to_pylist():
        (query,) = as_integers(np.array([list(row["code"])], np.uint8))
        mine = [(r["distance"], r["id"]) for r in found if r["query_id"] == row["id"]]
        assert mine == ranking(ids, items, query)[:K]


def test_the_cluster_evaluates_the_complete_ranking(root):
    assert "evaluate: 40 queries, 60,000 items" in run(root, "evaluate")
    figures = json.loads((root / "metrics.json").read_text())["figures"]
    assert 0 < figures["mAP"]["worst"] <= figures["mAP"]["value"] <= figures["mAP"]["best"] <= 1
