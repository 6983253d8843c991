"""Every place of a pipeline in a bucket: from a corpus to a page, and nothing is left on this machine."""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import png

import indexer
from hashcore.hasher import Hasher
from hashcore.storage import files
from jobs import encode, evaluate, index, report, search, train
from jobs.config.pipeline import Pipeline
from jobs.generations import append
from jobs.stages import records

ROWS, CLASSES = 60, 3
NETWORK = {"name": "mlp", "hidden": [16]}


def write(path, first_id):
    """Write a corpus of small pictures, brighter by class, to a bucket."""
    rng = np.random.default_rng(first_id)
    classes = rng.integers(0, CLASSES, ROWS)
    pictures = [png(rng.integers(0, 60, (8, 8), np.uint8) + 80 * label.astype(np.uint8)) for label in classes]
    table = pa.table({"id": np.arange(first_id, first_id + ROWS), "image": pictures, "labels": [[x] for x in classes]})
    system, inner = files.located(path)
    pq.write_table(table, f"{inner}/part-0.parquet", filesystem=system)


def configured(root, **sections):
    sections = {
        "train": {"code_length": 16, "network": NETWORK, "epochs": 2, "batch_size": 16, "in_process": True},
        "index": {"rows_per_shard": 40},
        "search": {"k": 5},
        "evaluate": {"measures": ["mAP"], "knn": [1], "examples": 2, "neighbors": 3},
        **sections,
    }
    return Pipeline.model_validate({"name": "a", "root": root, **sections})


@pytest.fixture
def root(bucket):
    for number, part in enumerate(("train", "database", "queries")):
        write(f"{bucket}/a/corpus/{part}", 1_000 * number)
    return f"{bucket}/a"


def run_all(given):
    for job in (train, encode, index, search, evaluate, report):
        job.run(given)


def test_a_whole_pipeline_lies_in_a_bucket(spark, root, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    given = configured(root)
    run_all(given)
    hasher = Hasher.load(given.paths.hasher)
    assert indexer.open(given.paths.index).manifest.hasher_fingerprint == hasher.fingerprint
    assert files.read_bytes(files.join(given.paths.checkpoints, "state.safetensors"))
    assert b"data:image" in files.read_bytes(given.paths.report)
    assert [path for path in files.listing(given.root, deep=True) if ".partial" in path or ".tasks" in path] == []
    assert os.listdir(tmp_path) == []
    capsys.readouterr()
    run_all(given)
    assert capsys.readouterr().out.count("done before") == 5  # train, encode twice, index, search
    more = configured(root, encode={"max_rejected_share": 0.5}, append={"codes": given.paths.codes_queries})
    append.run(more)
    assert len(indexer.open(given.paths.index)) == 2 * ROWS
    assert all(records.read(path) for path in (given.paths.metrics, given.paths.report, given.paths.neighbors))


def test_a_training_that_was_killed_goes_on_from_its_checkpoint_in_a_bucket(root, monkeypatch):
    given, epochs = configured(root), []

    def stop(*arguments):
        epochs.append(arguments[-1].epoch)
        if len(epochs) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr("jobs.training.tracking.track", stop)
    with pytest.raises(KeyboardInterrupt):
        train.run(given)
    train.run(given)
    assert epochs == [1, 2]
    undisturbed = configured(f"{root}/other", paths={"corpus_train": given.paths.corpus_train})
    train.run(undisturbed)
    one, other = (Hasher.load(each.paths.hasher).weights() for each in (given, undisturbed))
    assert all(np.array_equal(weight, other[name]) for name, weight in one.items())
