"""The whole pipeline on MNIST from the built artefacts: Ray trains, Spark does the rest, each loses a worker.

Training runs from the wheel on two raylets, one of which is removed; encode, index, search and evaluate run from the
archive on two executors, one of which is killed. Where MNIST is not in $HASHCORE_DATA, drawn images of its shape take
its place.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from oracle import as_integers, ranking
from spark_submit import run, run_and_kill_an_executor

HERE = Path(__file__).parents[2]
EPOCHS, K = 5, 10
OURS = {
    "train": {"epochs": EPOCHS, "workers": 2, "max_failures": 3},
    "index": {"rows_per_shard": 10_000},
    "search": {"k": K, "queries_per_task": 2500},
}


def draw(folder, rng):
    """Write images in MNIST's files: ten patterns under noise."""
    patterns = rng.integers(0, 200, (10, 28, 28))
    for name, rows in (("train", 12_000), ("t10k", 1000)):
        classes = rng.integers(0, 10, rows).astype(np.uint8)
        pixels = (patterns[classes] + rng.integers(0, 56, (rows, 28, 28))).astype(np.uint8)
        for kind, array in (("images-idx3", pixels), ("labels-idx1", classes)):
            head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            (folder / f"{name}-{kind}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes(), 1))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with conf/mnist.yaml as a.yaml, on fewer epochs and smaller shards; $HASHCORE_DATA has its images."""
    root = tmp_path_factory.mktemp("mnist")
    made = yaml.safe_load((HERE / "conf/mnist.yaml").read_text(encoding="utf-8")) | {"root": str(root)}
    for section, values in OURS.items():
        made[section] = made.get(section, {}) | values
    (root / "a.yaml").write_text(yaml.safe_dump(made))
    with pytest.MonkeyPatch.context() as patch:
        if not (Path(os.environ.get("HASHCORE_DATA", "none")) / "mnist").is_dir():
            draw(root, np.random.default_rng(0))
            patch.setenv("HASHCORE_DATA", str(root))
        yield root


def test_mnist_goes_from_images_to_figures_through_two_raylets_and_two_executors_of_which_one_each_is_lost(
    root, python
):
    trained = subprocess.run(
        [python, Path(__file__).with_name("two_raylets.py"), root],
        cwd=root,
        env={name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert trained.returncode == 0, trained.stdout[-2000:] + trained.stderr[-2000:]
    saw = json.loads(trained.stdout.splitlines()[-1])
    assert saw["code"] == 0 and 2 <= saw["removed_after"] < EPOCHS
    assert not any(file.startswith((str(HERE / "hashcore"), str(HERE / "jobs"))) for file in saw["files"])

    said = run_and_kill_an_executor("encode", root, lambda: list(root.glob("codes/.database.partial/data/*.parquet")))
    items, asked = (pq.read_table(root / "corpus" / part).num_rows for part in ("database", "queries"))
    assert f"encode database: {items:,} codes of 64 bits, 0 rejected" in said
    assert f"index: {items:,} codes in {-(-items // 10_000)} shards" in run("index", root)
    assert f"search: {K * asked:,} neighbors" in run("search", root)
    assert f"evaluate: {asked:,} queries, {items:,} items" in run("evaluate", root)

    figures = json.loads((root / "metrics.json").read_text())["figures"]
    assert figures["mAP"]["value"] > 0.8
    check_neighbors(root)


def check_neighbors(root):
    """Compare the neighbors of some queries with the definition."""
    database, queries = (pq.read_table(root / "codes" / part / "data") for part in ("database", "queries"))
    ids = database.column("id").to_pylist()
    items = as_integers(np.array([list(code) for code in database.column("code").to_pylist()], np.uint8))
    found = pq.read_table(root / "neighbors").to_pylist()
    for row in queries.slice(0, 5).to_pylist():
        (query,) = as_integers(np.array([list(row["code"])], np.uint8))
        mine = [(r["distance"], r["id"]) for r in found if r["query_id"] == row["id"]]
        assert mine == ranking(ids, items, query)[:K]
