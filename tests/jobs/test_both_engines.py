"""Whoever runs the tasks, this process or Spark: the same files; and in this process without Java and PySpark."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import indexer
from jobs import encode, evaluate, index, search, train
from jobs.config.pipeline import Pipeline

OF_A_RUN = {"created_s", "writer", "checksum", "engine"}  # keys of JSON files that differ from run to run
VALUES = {
    "name": "both",
    "train": {"method": "itq", "modality": "features", "code_length": 32},
    "encode": {"modality": "features", "batch_rows": 50, "rows_per_group": 64, "files_per_step": 2},
    "index": {"rows_per_shard": 90},
    "search": {"k": 7, "queries_per_task": 16},
    "evaluate": {"knn": [3], "measures": ["mAP", "P@10"]},
}


def write_corpus(root: Path) -> None:
    """Write some files for each part, with a row that is rejected."""
    dice = np.random.default_rng(0)
    for part, files, rows in (("train", 2, 150), ("database", 5, 61), ("queries", 2, 20)):
        folder = root / "corpus" / part
        folder.mkdir(parents=True)
        for number in range(files):
            ids = 1000 * number + dice.permutation(rows) + (10_000 if part == "queries" else 0)
            classes = ids % 4
            features = (3 * np.eye(40)[classes] + dice.standard_normal((rows, 40))).tolist()
            features[5] = None if part == "database" else features[5]
            table = pa.table({"id": ids, "features": features, "labels": [[int(each)] for each in classes]})
            pq.write_table(table, folder / f"{number}.parquet", row_group_size=25)


def contents(root: Path) -> dict[str, object]:
    """Return the content of every output by its name; without times, writers and the engine."""
    found: dict[str, object] = {}
    for path in sorted(file for file in root.rglob("*") if file.is_file()):
        name = str(path.relative_to(root))
        if name.startswith("runs/") or name.endswith(".lock"):
            continue
        content: object = path.read_bytes()
        if path.suffix == ".json":
            content = _timeless(json.loads(path.read_bytes()), str(root))
        found[name] = content.split()[0] if path.name == "CURRENT" else content
    return found


def _timeless(value: object, root: str) -> object:
    """Return the content of a JSON file without what differs from run to run."""
    if isinstance(value, dict):
        kept = {key: held for key, held in value.items() if key not in OF_A_RUN}
        return {key: _timeless(held, root) for key, held in kept.items()}
    if isinstance(value, list):
        return [_timeless(held, root) for held in value]
    return value.replace(root, "ROOT") if isinstance(value, str) else value


def test_this_process_and_spark_write_the_same_bytes(spark, tmp_path, monkeypatch):
    monkeypatch.setattr("jobs.corpora.shares.LEAST_SHARE_BYTES", 1)  # several tasks a step, and several of a file
    made = {}
    for engine in ("process", "spark"):
        root = tmp_path / engine
        write_corpus(root)
        values = {**VALUES, "encode": {**VALUES["encode"], "max_rejected_share": 0.1}}
        pipeline = Pipeline.model_validate({**values, "engine": engine, "root": str(root)})
        for verb in (train, encode, index, search, evaluate):
            verb.run(pipeline)
        made[engine] = contents(root)
    here, there = made["process"], made["spark"]
    assert sum(name.startswith("codes/database/data/") for name in here) > 5
    assert sum(name.startswith("index/shards/") for name in here) == 4
    assert sum(name.startswith("neighbors/part-") for name in here) == 3
    assert here.keys() == there.keys()
    assert [name for name in here if here[name] != there[name]] == []


WITHOUT_SPARK = """
import sys


class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pyspark", "py4j", "ray"):
            raise ImportError(f"{name} is wanted")


sys.meta_path.insert(0, Refuse())
from jobs import cli
for verb in sys.argv[2:]:
    code = cli.main([verb, "--config", sys.argv[1]])
    assert code == 0, (verb, code)
"""


def test_in_this_process_every_verb_runs_without_pyspark_and_java(tmp_path):
    write_corpus(tmp_path)
    pq.write_table(pa.table({"id": [3, 4]}), tmp_path / "gone.parquet")
    more = {
        "append": {"codes": str(tmp_path / "codes" / "queries")},
        "delete": {"ids": str(tmp_path / "gone.parquet")},
        "compact": {"rows_per_shard": 200},
    }
    values = {**VALUES, **more, "root": str(tmp_path)}
    values["encode"] = {**VALUES["encode"], "max_rejected_share": 0.1}
    (tmp_path / "a.yaml").write_text(json.dumps(values))
    verbs = ("train", "encode", "index", "append", "delete", "compact", "verify", "search", "evaluate", "explain")
    java_free = {key: value for key, value in os.environ.items() if not key.startswith(("JAVA", "SPARK", "PY"))}
    words = [sys.executable, "-c", WITHOUT_SPARK, str(tmp_path / "a.yaml"), *verbs, "inspect", "vacuum", "runs"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**java_free, "PATH": ""})
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for verb in ("encode database", "index", "append", "delete", "compact", "verify", "search", "evaluate"):
        assert any(line.startswith(f"{verb}: in this process (") for line in lines), (verb, lines)
    assert "verify: 2 shards, 338 items" in done.stdout
    assert len(indexer.open(tmp_path / "index")) == 338
