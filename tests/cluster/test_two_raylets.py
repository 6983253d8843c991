"""A Ray cluster of two nodes on one machine trains from the wheel, and goes on when one of them is lost."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hashcore.hasher import Hasher
from jobs.corpora.standard_sets import read_mnist

HERE = Path(__file__).parents[2]
ROWS, EPOCHS = 4000, 30


@pytest.mark.skipif("HASHCORE_DATA" not in os.environ, reason="MNIST is looked for in $HASHCORE_DATA")
def test_training_ends_well_although_a_raylet_is_removed(python, tmp_path):
    images = read_mnist("mnist")["train"].take(np.arange(ROWS))
    flat = (images.pixels.reshape(ROWS, -1) / np.float32(255)).astype(np.float32)
    table = pa.table({"id": images.ids, "features": flat.tolist(), "labels": [[int(c)] for c in images.classes]})
    os.makedirs(tmp_path / "corpus" / "train")
    pq.write_table(table, tmp_path / "corpus" / "train" / "0.parquet", row_group_size=500)
    train = {"modality": "features", "code_length": 32, "epochs": EPOCHS, "workers": 2, "max_failures": 3}
    (tmp_path / "a.yaml").write_text(json.dumps({"name": "a", "root": str(tmp_path), "train": train}))
    script = Path(__file__).with_name("two_raylets.py")
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [python, script, tmp_path],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    saw = json.loads(done.stdout.splitlines()[-1])
    assert saw["code"] == 0, done.stderr[-2000:]
    assert 2 <= saw["removed_after"] < EPOCHS
    assert not any(file.startswith((str(HERE / "hashcore"), str(HERE / "jobs"))) for file in saw["files"])
    assert len(Hasher.load(str(tmp_path / "hasher")).provenance["history"]) == EPOCHS
