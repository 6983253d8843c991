"""The fault matrix of the jobs: whole processes are killed, an executor is lost; the rerun ends the same."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import small_codes
import yaml
from small_index import has_no_orphans

import indexer
from jobs.stages import codes_directory

pytestmark = pytest.mark.faults
VERBS = ("encode", "index", "append", "delete", "compact", "search", "evaluate")
ROUNDS, KILLS = int(os.environ.get("HASHCORE_FAULT_ROUNDS", "2")), 3
RUN = "import sys; from jobs import cli; sys.exit(max(cli.main([v, '--config', sys.argv[1]]) for v in sys.argv[2:]))"
ITEMS, MORE, DIMENSIONS = 3_000, 300, 16


def start(root, place, master="local[2]", settings=None, batch_rows=100):
    """Start all verbs on a pipeline whose outputs lie at `place`, as a process group of its own."""
    config = {
        "name": "faults",
        "root": str(place),
        "paths": {
            "corpus_database": f"{root}/database",
            "corpus_queries": f"{root}/queries",
            "hasher": f"{root}/hasher",
        },
        "encode": {"modality": "features", "files_per_step": 2, "batch_rows": batch_rows},
        "index": {"rows_per_shard": 400},
        "append": {"codes": f"{root}/more"},
        "delete": {"ids": f"{root}/gone.parquet"},
        "compact": {"rows_per_shard": 500},
        "search": {"k": 5, "queries_per_task": 20},
        "spark": {"master": master, "driver_memory": "1g", "shuffle_partitions": 1, "settings": settings or {}},
    }
    path = Path(root, f"pipeline-{batch_rows}.yaml")
    path.write_text(yaml.safe_dump(config))
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(path), *VERBS],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process):
    said = process.communicate(timeout=300)[0]
    assert process.returncode == 0, said
    return said


def kill(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A corpus of some files, a hasher, and what an undisturbed run makes of them."""
    from hashcore.classical.lsh import fit

    folder = tmp_path_factory.mktemp("jobs")
    rng = np.random.default_rng(0)
    for part, rows in (("database", ITEMS), ("queries", 50)):
        (folder / part).mkdir()
        for number, ids in enumerate(np.array_split(np.arange(rows), 8)):
            items = rng.normal(size=(len(ids), DIMENSIONS)).astype(np.float32)
            table = {"id": ids, "features": items.tolist(), "labels": [[id_ % 3] for id_ in ids.tolist()]}
            pq.write_table(pa.table(table), folder / part / f"part-{number}.parquet")
    hasher = fit(rng.normal(size=(100, DIMENSIONS)).astype(np.float32), 32, seed=0)
    hasher.save(str(folder / "hasher"))
    small_codes.make(folder / "more", (MORE,), 32, first_id=ITEMS, rows_per_group=MORE)
    info = codes_directory.read_info(str(folder / "more")).model_copy(update={"hasher_fingerprint": hasher.fingerprint})
    codes_directory.write_info(str(folder / "more"), info)
    pq.write_table(pa.table({"id": np.arange(0, ITEMS, 50)}), folder / "gone.parquet")
    finish(start(folder, folder / "undisturbed"))
    return folder


def made(place):
    """Return everything that the jobs made, whatever the order of rows in files, and the generations it took."""
    place = Path(place)
    rows = codes_directory.read(str(place / "codes" / "database"))
    index = indexer.open(str(place / "index"))
    index.verify()
    neighbors = pa.concat_tables(pq.read_table(file) for file in (place / "neighbors").glob("*.parquet"))
    figures = json.loads((place / "metrics.json").read_text())
    del figures["setting"]["index_generation"]
    has_no_orphans(str(place / "index"))
    return (
        sorted(zip(rows.ids.tolist(), map(bytes, rows.codes), strict=True)),
        (len(index), sorted(entry.digest for entry in index.shards)),
        sorted(zip(*(neighbors.column(name).to_pylist() for name in neighbors.column_names), strict=True)),
        figures,
        sorted(path.name for path in place.iterdir()),
    )


@pytest.mark.parametrize("attempt", range(ROUNDS))
def test_jobs_that_are_killed_again_and_again_end_as_if_nothing_had_been(root, tmp_path, attempt):
    times = random.Random(attempt)
    for _ in range(KILLS):
        process = start(root, tmp_path / "out")
        time.sleep(times.uniform(4, 24))
        kill(process)
    finish(start(root, tmp_path / "out"))
    assert made(tmp_path / "out") == made(root / "undisturbed")


@pytest.mark.parametrize("batch_rows", [100, 50])
def test_two_runs_at_once_in_one_place_do_not_disturb_each_other(root, tmp_path, batch_rows):
    runs = [start(root, tmp_path / "out"), start(root, tmp_path / "out", batch_rows=batch_rows)]
    told = [run.communicate(timeout=300)[0] for run in runs]
    for run, said in zip(runs, told, strict=True):
        assert run.returncode in (0, 2), said
        assert run.returncode == 0 or "another run" in said or "another pipeline" in said, said
        assert "Traceback" not in said
    finish(start(root, tmp_path / "out", batch_rows=100 if runs[0].returncode == 0 else batch_rows))
    assert made(tmp_path / "out") == made(root / "undisturbed")


def test_what_is_done_is_not_done_again(root):
    assert finish(start(root, root / "undisturbed")).count("done before") == 5  # encode twice, index, append, search


def test_a_lost_executor_loses_nothing(root, tmp_path, monkeypatch):
    import pyspark

    monkeypatch.setenv("SPARK_HOME", str(Path(pyspark.__file__).parent))
    process = start(root, tmp_path / "out", "local-cluster[2,1,1024]", {"spark.executor.memory": "1g"})
    lost = None
    for _ in range(600):
        executors = subprocess.run(
            ["pgrep", "-g", str(process.pid), "-f", "CoarseGrainedExecutorBackend"],
            capture_output=True, text=True, check=False,
        ).stdout.split()  # fmt: skip
        if len(executors) > 1 and (tmp_path / "out" / "codes").exists():
            lost = int(executors[0])
            os.kill(lost, signal.SIGKILL)
            break
        time.sleep(0.1)
    finish(process)
    assert lost is not None
    assert made(tmp_path / "out") == made(root / "undisturbed")
