"""The training job: on Ray and in process alike, gone on with after a kill, and clear about what cannot be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from hashcore.errors import ConfigError, HashcoreError, InvalidInputError, OutputError
from hashcore.hasher import Hasher
from hashcore.relevance import Labels
from hashcore.training import fit
from hashcore.training_peers import Peers
from jobs import train
from jobs.pipeline.config import Pipeline
from jobs.pipeline.progress import Progress
from jobs.train import TrainConfig
from jobs.training import on_ray, reading, worker
from jobs.training.board import Board, Teller
from jobs.training.source import find

NETWORK = {"name": "mlp", "hidden": [16]}
ROWS = 200


def pipeline(root, corpus=None, **values):
    return Pipeline.model_validate(
        {
            "name": "a",
            "root": str(root),
            "corpus": {"source": "files", **(corpus or {})},
            "train": {
                "code_length": 16,
                "network": NETWORK,
                "epochs": 3,
                "batch_size": 32,
                "in_process": True,
                "modality": "features",
                **values,
            },
        }
    )


def features():
    """Two classes in 5 dimensions, by turns."""
    items = np.random.default_rng(0).standard_normal((ROWS, 5)).astype(np.float32)
    items[::2] += 3
    return items


def columns(**changed):
    made = {"id": np.arange(ROWS), "features": features().tolist(), "labels": [[row % 2] for row in range(ROWS)]}
    return {name: values for name, values in {**made, **changed}.items() if values is not None}


def write(root, held, files=3):
    """Write a training corpus of some files."""
    folder, table = root / "corpus" / "train", pa.table(held)
    os.makedirs(folder)
    bounds = np.linspace(0, len(table), files + 1).astype(int)
    for number, (start, stop) in enumerate(pairwise(bounds)):
        pq.write_table(table.slice(start, stop - start), folder / f"{number}.parquet")


@pytest.fixture(autouse=True)
def restored_threads():
    """The job sets torch's threads for its whole process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def root(tmp_path):
    write(tmp_path, columns())
    return tmp_path


def test_the_job_gives_the_hasher_that_the_library_would(root, capsys):
    made = pipeline(root)
    train.run(made)
    hasher = Hasher.load(made.paths.hasher)
    wanted = fit(features(), Labels.from_lists([[row % 2] for row in range(ROWS)]), made.train.training())
    assert hasher.fingerprint == wanted.fingerprint
    assert hasher.modalities.keys() == {"features"}
    assert "train: 16 bits from 200 items by network, 3 epochs in" in capsys.readouterr().out


def test_what_is_done_is_not_done_again(root, capsys):
    train.run(pipeline(root))
    train.run(pipeline(root))
    assert "train: done before" in capsys.readouterr().out


def test_another_configuration_does_not_write_over_a_hasher(root):
    train.run(pipeline(root))
    with pytest.raises(OutputError, match=r"different train\.epochs"):
        train.run(pipeline(root, epochs=4))


def test_an_interrupted_job_goes_on_with_the_next_run(root, monkeypatch):
    train.run(pipeline(root, epochs=4))
    wanted = Hasher.load(pipeline(root).paths.hasher).fingerprint
    again = root / "again"
    write(again, columns())
    batches, advance = [], Progress.advance

    def interrupt(self, amount=1):
        batches.append(amount)
        if len(batches) == 30:
            raise KeyboardInterrupt
        advance(self, amount)

    monkeypatch.setattr(Progress, "advance", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train.run(pipeline(again, epochs=4))
    assert not (again / "hasher").exists()
    train.run(pipeline(again, epochs=4))
    assert len(batches) == 30 + 2 * (ROWS // 16)  # two of the four epochs were done and kept
    assert Hasher.load(str(again / "hasher")).fingerprint == wanted


def png(pixels):
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def test_images_are_decoded_and_single_labels_read(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 100, (ROWS, 4, 3), np.uint8)
    pixels[::2] += 100
    files = [png(image) for image in pixels]
    files[7] = files[7][:40]
    write(tmp_path, {"key": np.arange(ROWS), "picture": files, "class": [row % 2 for row in range(ROWS)]})
    named = {"id": "key", "labels": "class"}
    made = pipeline(tmp_path, corpus=named, modality="image", column="picture")
    source = find(made)
    window = reading.window(reading.read(source, made.train), source, made.train)
    good = np.delete(np.arange(ROWS), 7)
    assert np.array_equal(window.items["image"].numpy()[:, 0], pixels[good])
    assert window.known.values.tolist() == (good % 2).tolist()
    train.run(made)
    assert Hasher.load(made.paths.hasher).modalities["image"].input.shape == (1, 4, 3)


def test_rows_come_in_the_order_of_their_ids_whatever_the_files(tmp_path):
    shuffled = pa.table(columns()).take(np.random.default_rng(1).permutation(ROWS))
    write(tmp_path, {name: shuffled.column(name) for name in shuffled.schema.names}, files=7)
    made = pipeline(tmp_path)
    source = find(made)
    window = reading.window(reading.read(source, made.train), source, made.train)
    assert np.array_equal(window.items["features"].numpy(), features())


@pytest.mark.parametrize("method", ["lsh", "sh"])
def test_methods_that_need_no_labels_run_as_jobs(tmp_path, method):
    wide = np.random.default_rng(0).standard_normal((ROWS, 12)).astype(np.float32)
    write(tmp_path, columns(labels=None, features=wide.tolist()))
    made = pipeline(tmp_path, corpus={"labels": None}, method=method, code_length=8)
    train.run(made)
    hasher = Hasher.load(made.paths.hasher)
    assert hasher.provenance == {"method": method, "seed": 0, "rows": ROWS}
    assert hasher.encode(wide, "features").shape == (ROWS, 1)


NULLS = [[1.0] * 5, None] * (ROWS // 2)


@pytest.mark.parametrize(
    ("held", "corpus", "values", "message"),
    [
        (columns(labels=[[4]] * ROWS), {}, {}, "all 200 labelled rows share label 4"),
        (columns(labels=[[row] for row in range(ROWS)]), {}, {}, "no pair is similar"),
        (columns(labels=pa.array([[]] * ROWS, pa.list_(pa.int32()))), {}, {}, "no row has a label"),
        (columns(labels=None), {}, {}, r"has no column labels \(corpus\.labels\); it has id, features"),
        (columns(labels=["a"] * ROWS), {}, {}, "column labels: labels are string but must be list<int32>"),
        (columns(), {"labels": None}, {}, r"corpus\.labels=null: train\.method=network learns from labels"),
        (columns(features=None), {}, {}, r"has no column features \(train\.column\)"),
        (columns(features=NULLS), {}, {}, r"100 of 200 rows are bad, more than train\.max_rejected_share=0\.01"),
        (columns(features=["a"] * ROWS), {}, {}, "features are string but must be lists of numbers"),
        ({"id": pa.array([], pa.int64())}, {}, {}, "is empty"),
        (columns(), {"format": "csv"}, {}, r"corpus\.format=csv: training reads parquet"),
        (columns(), {}, {"in_process": False, "workers": 999}, r"train\.workers=999: 200 rows give each fewer"),
        (columns(), {}, {"in_process": False, "workers": 40, "batch_size": 4}, r"train\.workers=40 but there are CPUs"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line_and_leaves_nothing(tmp_path, held, corpus, values, message):
    write(tmp_path, held, files=1)
    with pytest.raises(HashcoreError, match=message) as caught:
        train.run(pipeline(tmp_path, corpus=corpus, **values))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "hasher").exists()
    assert not (tmp_path / "checkpoints").exists()


def test_files_that_are_not_parquet_are_named(root):
    for file in (root / "corpus" / "train").iterdir():
        file.write_bytes(b"no parquet")
    with pytest.raises(InvalidInputError, match="corpus/train cannot be read as parquet") as caught:
        train.run(pipeline(root))
    assert "\n" not in str(caught.value)


class Told:
    """Stands for an actor: calls `remote` on what it is given."""

    def __init__(self, function):
        self.remote = function


def test_the_board_is_told_of_all_workers_by_the_first():
    board = Board()
    remote = type("Handle", (), {"tell": Told(board.tell)})()
    teller = Teller(remote, workers=3, done=100)
    teller.on_batch(16)
    assert board.read() == 100 + 3 * 16


class Shard:
    """Stands for a worker's share of a corpus."""

    def __init__(self, table):
        self.table = table

    def iter_batches(self, batch_size, batch_format):
        assert batch_format == "pyarrow"
        return (self.table.slice(start, batch_size) for start in range(0, len(self.table), batch_size))


def windows(root, rows_left=ROWS, **changes):
    made = pipeline(root)
    source, config = find(made), made.train.model_copy(update=changes)
    shard = Shard(reading.read(source, made.train).slice(0, rows_left))
    return list(worker._windows(shard, worker.Work(source, config, board=None), Peers()))


def test_a_share_that_does_not_fit_comes_in_windows_of_about_equal_size(root):
    assert [len(window) for window in windows(root)] == [ROWS]
    parts = windows(root, window_bytes=70 * 5 * 4)
    assert [len(part) for part in parts] == [67, 67, 66]
    assert np.array_equal(np.concatenate([part.items["features"].numpy() for part in parts]), features())


def test_rows_lost_on_the_way_to_a_worker_are_judged_when_it_has_read_all(root):
    assert len(windows(root, rows_left=198)) == 1
    with pytest.raises(InvalidInputError, match="3 of 200 rows are bad"):
        windows(root, rows_left=197)


def test_what_ray_says_of_a_failure_becomes_one_line():
    from ray.train import WorkerGroupError

    on_purpose = RuntimeError("wrapped")
    on_purpose.__cause__ = InvalidInputError("give two classes")
    assert str(on_ray._cause(WorkerGroupError("", {0: on_purpose}))) == "give two classes"
    other = on_ray._cause(WorkerGroupError("", {1: RuntimeError("a traceback\nof many lines\nout of memory")}))
    assert isinstance(other, OutputError)
    assert str(other) == "training on Ray failed (out of memory); run it again to go on from its last epoch"


@pytest.fixture(scope="module")
def local_ray() -> Iterator[str]:
    """The address of one Ray for all tests that need it: two workers, and a CPU to read the corpus."""
    with on_ray.cluster(TrainConfig(workers=2)):
        import ray

        yield ray.get_runtime_context().gcs_address


def ray_pipeline(root, **values):
    return pipeline(root, in_process=False, **values)


@pytest.mark.ray
def test_one_worker_on_ray_gives_the_weights_of_a_training_in_process(local_ray, root):
    made = ray_pipeline(root)
    train.run(made)
    hasher = Hasher.load(made.paths.hasher)
    torch.set_num_threads(1)
    wanted = fit(features(), Labels.from_lists([[row % 2] for row in range(ROWS)]), made.train.training())
    assert all(torch.equal(weight, hasher.weights()[name]) for name, weight in wanted.weights().items())


def kept_epochs(root):
    """The number of epochs whose state Ray Train has recorded."""
    try:
        snapshot = json.loads((root / "checkpoints" / "ray" / "checkpoint_manager_snapshot.json").read_text())
    except (OSError, ValueError):
        return 0
    results = [snapshot["latest_checkpoint_result"]]
    return max((result["metrics"]["epoch"] for result in results if result), default=0)


@pytest.mark.ray
def test_two_workers_go_on_after_a_kill_to_the_weights_of_an_undisturbed_run(local_ray, root, tmp_path):
    values = {"workers": 2, "epochs": 30, "validation_share": 0.1}
    whole = tmp_path / "whole"
    write(whole, columns())
    train.run(ray_pipeline(whole, **values))
    wanted = Hasher.load(str(whole / "hasher"))
    assert {epoch["triplets"] for epoch in wanted.provenance["history"]} == {2 * (90 // 16) * 32}

    config = {"name": "a", "root": str(root), "train": ray_pipeline(root, **values).train.model_dump(mode="json")}
    (root / "a.yaml").write_text(json.dumps(config))
    folder = Path(train.__file__).parents[1]
    job = subprocess.Popen(
        [sys.executable, "-m", "jobs.train", "--config", str(root / "a.yaml")],
        env={**os.environ, "RAY_ADDRESS": local_ray, "PYTHONPATH": str(folder)},
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    while kept_epochs(root) < 2:
        assert job.poll() is None, "the job ended before it could be killed"
        time.sleep(0.02)
    job.send_signal(signal.SIGKILL)
    job.wait()
    assert not (root / "hasher").exists()

    train.run(ray_pipeline(root, **values))
    resumed = Hasher.load(str(root / "hasher"))
    assert len(resumed.provenance["history"]) == 30
    assert all(torch.equal(weight, resumed.weights()[name]) for name, weight in wanted.weights().items())


@pytest.mark.ray
def test_what_a_worker_finds_wrong_is_told_in_one_line(local_ray, tmp_path):
    write(tmp_path, columns(labels=[[4]] * ROWS))
    with pytest.raises(InvalidInputError, match="all 100 labelled rows share label 4") as caught:
        train.run(ray_pipeline(tmp_path, workers=2))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.ray
def test_more_workers_than_the_cluster_has_cpus_are_refused_before_they_would_wait_forever(local_ray, root):
    with pytest.raises(ConfigError, match=r"train\.workers=3 but there are CPUs for 2 .* use train\.workers <= 2"):
        train.run(ray_pipeline(root, workers=3))
