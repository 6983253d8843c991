"""The training job: the library's hasher, gone on with after a kill, and clear about what cannot be."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch
from training_corpus import ROWS, columns, features, pipeline, write

from hashcore.errors import HashcoreError, OutputError
from hashcore.hasher import Hasher
from hashcore.labels import Labels
from hashcore.training import fit
from jobs import train
from jobs.telemetry.progress import Progress
from jobs.training import on_ray


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


@pytest.mark.parametrize("method", ["lsh", "sh"])
def test_methods_that_need_no_labels_run_as_jobs(tmp_path, method):
    wide = np.random.default_rng(0).standard_normal((ROWS, 12)).astype(np.float32)
    write(tmp_path, columns(labels=None, features=wide.tolist()))
    made = pipeline(tmp_path, corpus={"labels": None}, method=method, code_length=8)
    train.run(made)
    hasher = Hasher.load(made.paths.hasher)
    assert hasher.provenance == {"method": method, "seed": 0, "rows": ROWS}
    assert hasher.encode(wide, "features").shape == (ROWS, 1)


@pytest.mark.parametrize("method", ["cca", "cm-ssh"])
def test_classical_hashes_of_two_modalities_run_as_jobs(tmp_path, method):
    sides = {
        name: np.random.default_rng(seed).standard_normal((ROWS, 9)).astype(np.float32)
        for seed, name in enumerate("ab")
    }
    write(tmp_path, {**columns(), **{name: side.tolist() for name, side in sides.items()}})
    made = pipeline(tmp_path, method=method, code_length=8, modalities={"a": {}, "b": {}})
    train.run(made)
    hasher = Hasher.load(made.paths.hasher)
    assert hasher.provenance["method"] == method
    assert {name: hasher.encode(side, name).shape for name, side in sides.items()} == dict.fromkeys("ab", (ROWS, 1))


NULLS = [[1.0] * 5, None] * (ROWS // 2)


@pytest.mark.parametrize(
    ("held", "corpus", "values", "message"),
    [
        (columns(labels=[[4]] * ROWS), {}, {}, "all 200 labelled rows share label 4"),
        (columns(labels=[[row] for row in range(ROWS)]), {}, {}, "no pair is similar"),
        (columns(labels=pa.array([[]] * ROWS, pa.list_(pa.int32()))), {}, {}, "no row has a label"),
        (columns(labels=None), {}, {}, r"has no column labels \(corpus\.labels\); it has id, features"),
        (columns(labels=[0.5] * ROWS), {}, {}, "labels in labels are double; number the classes, or name them"),
        (columns(labels=["a"] * ROWS), {}, {}, "all 200 labelled rows share label 0"),
        (columns(), {"labels": None}, {}, r"corpus\.labels=null: train\.method=network learns from labels"),
        (columns(features=None), {}, {}, r"has no column features \(train\.column\)"),
        (
            columns(features=NULLS),
            {},
            {},
            r"100 of 200 rows are bad, more than train\.max_rejected_share=0\.01: null: 100",
        ),
        (columns(features=["a"] * ROWS), {}, {}, "no row names a file that can be read: the file does not exist"),
        ({"id": pa.array([], pa.int64())}, {}, {}, "is empty"),
        (columns(), {}, {"modalities": {"features": {}, "text": {}}}, r"no column text \(train\.modalities\)"),
        (columns(), {}, {"network": {"name": "residual"}}, "network residual reads images, and items have shape"),
        (columns(), {"format": "orc"}, {}, r"corpus\.format=orc: training reads no orc"),
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


def test_a_training_in_this_process_computes_on_the_gpu_that_it_is_given(root, monkeypatch):
    asked, trained = [], fit

    def record(*given, device, **options):
        asked.append(device)
        return trained(*given, **options)

    monkeypatch.setattr("hashcore.machine.devices.check_device", lambda *_: None)
    monkeypatch.setattr("hashcore.training.fit", record)
    train.run(pipeline(root, gpu=True))
    write(root / "again", columns())
    train.run(pipeline(root / "again"))
    assert asked == ["cuda", "cpu"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="says what a machine without a GPU answers")
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, r"^train\.gpu=true: torch .* cannot compute on cuda"),
        ({"in_process": False}, r"^train\.gpu=true .*: train\.workers=1 but torch finds 0 here; use train\.gpu: false"),
    ],
)
def test_a_gpu_that_is_not_there_is_missed_before_anything_is_done_or_waited_for(root, monkeypatch, values, message):
    monkeypatch.setattr(on_ray.limits, "cores", lambda: 8)
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(HashcoreError, match=message) as caught:
        train.run(pipeline(root, gpu=True, **values))
    assert "\n" not in str(caught.value)
    assert not (root / "checkpoints").exists()
