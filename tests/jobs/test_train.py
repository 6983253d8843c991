"""The training job: on Ray and in process alike, gone on with after a kill, and clear about what cannot be."""

from __future__ import annotations

import re
import sys
from importlib.machinery import ModuleSpec
from io import BytesIO
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from PIL import Image
from training_corpus import ROWS, columns, features, pipeline, write

from hashcore.errors import HashcoreError, InvalidInputError, LearningError, MissingExtraError, OutputError
from hashcore.hasher import Hasher
from hashcore.labels import Labels
from hashcore.training import fit
from hashcore.training.workers import Workers
from jobs import train
from jobs.telemetry.progress import Progress
from jobs.telemetry.run_record import listed
from jobs.training import on_ray, outcome, reading, tracking, worker
from jobs.training.board import Board, Teller
from jobs.training.source import find
from jobs.training.tracking import Place


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
    assert window.supervision.values.tolist() == (good % 2).tolist()
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


def two_views(**changed):
    """Rows with a second modality, 3 numbers wide."""
    generator = np.random.default_rng(1)
    second = generator.standard_normal((ROWS, 3)) + 3 * (np.arange(ROWS) % 2)[:, None]
    return columns(text=second.astype(np.float32).tolist(), **changed)


COUPLED = {
    "modalities": {"features": {"network": {"name": "linear", "bounded": True}}, "text": {"weight": 0.25}},
    "network": {"name": "mlp", "hidden": [8], "bounded": True},
    "loss": {"name": "nn_hash", "margin": 3},
}


def test_modalities_are_read_from_columns_of_their_names(tmp_path):
    held = two_views()
    held["text"][7] = None
    held["features"][9] = [1.0]
    write(tmp_path, held)
    made = pipeline(tmp_path, **COUPLED)
    source = find(made)
    window = reading.window(reading.read(source, made.train), source, made.train)
    good = np.delete(np.arange(ROWS), [7, 9])
    assert np.array_equal(window.items["features"].numpy(), features()[good])
    assert window.items["text"].numpy().tolist() == [held["text"][row] for row in good]
    train.run(made)
    hasher = Hasher.load(made.paths.hasher)
    assert {name: spec.input.shape for name, spec in hasher.modalities.items()} == {"features": (5,), "text": (3,)}
    assert hasher.provenance["rows"] == ROWS - 2


def judge(path, held):
    pq.write_table(pa.table(held), path)
    return {"judgements": str(path)}


IDS = np.random.default_rng(2).integers(0, ROWS, (2, 300))


def test_judged_pairs_of_ids_take_the_place_of_labels(tmp_path, caplog):
    held = columns(labels=None)
    held["id"] = held["id"] * 10 + 3
    write(tmp_path, held)
    left, right = IDS * 10 + 3
    right[5] = 4  # no item's id
    judged = judge(tmp_path / "pairs.parquet", {"left": left, "right": right, "similar": (IDS[0] - IDS[1]) % 2 == 0})
    loss = {"network": {"name": "linear"}, "loss": {"name": "pairwise_hinge", "threshold": 3}}
    made = pipeline(tmp_path, corpus={"labels": None}, **judged, **loss)
    source = find(made)
    supervision = reading.window(reading.read(source, made.train), source, made.train).supervision
    keep = np.arange(300) != 5
    said = "1 of 300 judgements name an item that the corpus has not, or has set aside, and are left out"
    assert [record.getMessage() for record in caplog.records] == [f"{tmp_path}/pairs.parquet: {said}"]
    assert np.array_equal(supervision.left, IDS[0][keep]) and np.array_equal(supervision.right, IDS[1][keep])
    shares = [
        reading.window(reading.read(source, made.train), source, made.train, rank, 2).supervision.left
        for rank in (0, 1)
    ]
    assert [len(part) for part in shares] == [149, 149]
    assert sorted(np.concatenate(shares)) == sorted(supervision.left[:298])
    train.run(made)
    assert Hasher.load(made.paths.hasher).provenance["history"][-1]["loss"] > 0


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (
            {"left": [1], "right": [2]},
            "judgements have columns left, right; give left, right, similar for pairs",
        ),
        ({"anchor": [1], "positive": [2], "negative": [None]}, "judgements hold nulls"),
        ({"anchor": [999], "positive": [2], "negative": [3]}, "none of the 1 judgements names two items of the corpus"),
        ({"left": [1], "right": [2], "similar": [True]}, "none of the 1 pairs is dissimilar"),
        ({"left": pa.array([], pa.int64())}, "holds no judgement"),
        ({"left": ["1"], "right": [2], "similar": [True]}, "judgements: ids in left are string; number the items"),
        ({"left": [1, 2], "right": [2, 3], "similar": [1, -1]}, "judgements say similar=-1; give true and false"),
        ({"left": [1, 2], "right": [2, 3], "similar": ["yes", "no"]}, "judgements say similar as string; give true"),
    ],
)
def test_judgements_that_cannot_be_used_are_refused_in_one_line(root, held, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        train.run(pipeline(root, **judge(root / "judged.parquet", held)))
    assert "\n" not in str(caught.value)
    assert not (root / "checkpoints").exists()


def test_the_figures_of_each_epoch_can_be_followed_in_tensorboard(root):
    train.run(pipeline(root, tracking="tensorboard"))
    written = [path.read_bytes() for path in (root / "checkpoints" / "tensorboard").iterdir()]
    assert [events.count(b"train/loss") for events in written] == [1, 1, 1]


def test_the_figures_of_each_epoch_go_to_one_mlflow_run(root, monkeypatch):
    told, begun = [], []

    class Run:
        info = type("Info", (), {"run_id": "r1"})

        def __enter__(self):
            return self

        def __exit__(self, *_error):
            pass

    def start_run(run_id=None, run_name=None):
        begun.append(run_id or run_name)
        return Run()

    stand_in = ModuleType("mlflow")
    stand_in.__spec__ = ModuleSpec("mlflow", None)
    stand_in.set_experiment = lambda name: None
    stand_in.start_run = start_run
    stand_in.log_metrics = lambda figures, step: told.append((step, figures["loss"]))
    monkeypatch.setitem(sys.modules, "mlflow", stand_in)
    train.run(pipeline(root, tracking="mlflow"))
    history = Hasher.load(pipeline(root).paths.hasher).provenance["history"]
    assert told == [(epoch["epoch"], epoch["loss"]) for epoch in history]
    assert begun == ["a", "r1", "r1", "r1"]


def test_a_tracker_that_is_not_installed_is_said_before_training(root, monkeypatch):
    monkeypatch.setitem(tracking.MODULES, "mlflow", "no_such_tracker")
    with pytest.raises(MissingExtraError, match=r"pip install 'hashcore\[tracking\]'"):
        train.run(pipeline(root, tracking="mlflow"))


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
        (columns(labels=["a"] * ROWS), {}, {}, "labels in labels are string; number the classes"),
        (columns(), {"labels": None}, {}, r"corpus\.labels=null: train\.method=network learns from labels"),
        (columns(features=None), {}, {}, r"has no column features \(train\.column\)"),
        (
            columns(features=NULLS),
            {},
            {},
            r"100 of 200 rows are bad, more than train\.max_rejected_share=0\.01: null: 100",
        ),
        (columns(features=["a"] * ROWS), {}, {}, "features are string but must be lists of numbers"),
        ({"id": pa.array([], pa.int64())}, {}, {}, "is empty"),
        (columns(), {}, {"modalities": {"features": {}, "text": {}}}, r"no column text \(train\.modalities\)"),
        (columns(), {}, {"network": {"name": "residual"}}, "network residual reads images, and items have shape"),
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
    return list(worker._windows(shard, worker.Work(source, config, Place("", "a"), board=None), Workers()))


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


def mixed_sizes(good, bad):
    """Images of 4 × 3 pixels of two classes, among others that are larger."""
    pixels = np.random.default_rng(0).integers(0, 100, (good + bad, 5, 3), np.uint8)
    pixels[::2] += 100
    images = [png(image[:4] if row < good else image) for row, image in enumerate(pixels)]
    return {"id": np.arange(good + bad), "image": images, "labels": [[row % 2] for row in range(good + bad)]}


@pytest.mark.parametrize("values", [{}, {"method": "lsh", "code_length": 8}])
def test_rejected_rows_are_counted_and_kept_and_told_in_the_line(tmp_path, capsys, values):
    write(tmp_path, mixed_sizes(ROWS - 2, 2))
    made = pipeline(tmp_path, modality="image", **values)
    train.run(made)
    said = "2 rejected: image of 3 x 5 where 3 x 4 is needed: 2 rows (ids 198, 199) ->"
    out = capsys.readouterr().out
    assert said in out and f"bits from {ROWS - 2} items by" in out
    assert [row["id"] for row in pq.read_table(tmp_path / "hasher" / "rejected").to_pylist()] == [198, 199]
    assert Hasher.load(made.paths.hasher).provenance["rows"] == ROWS - 2
    assert [run.rejected for run in listed(str(tmp_path))] == [2]
    assert not (tmp_path / "hasher.rejected").exists()


def test_pictures_of_mixed_sizes_are_told_by_their_sizes_and_not_by_their_labels(tmp_path):
    write(tmp_path, mixed_sizes(60, 40))
    with pytest.raises(InvalidInputError) as caught:
        train.run(pipeline(tmp_path, modality="image"))
    assert str(caught.value) == (
        f"{tmp_path}/corpus/train: 40 of 100 rows are bad, more than train.max_rejected_share=0.01: image of 3 x 5 "
        f"where 3 x 4 is needed: 40 rows (ids 60, 61, 62, 63, 64, …); all are listed in {tmp_path}/hasher.rejected; "
        "mend them, or go on without them by --set train.max_rejected_share=0.4"
    )
    assert pq.read_table(tmp_path / "hasher.rejected").num_rows == 40


def test_rows_of_several_modalities_are_told_by_the_one_in_which_they_are_bad(tmp_path, capsys):
    held = two_views()
    held["text"][7] = None
    held["features"][9] = [1.0]
    write(tmp_path, held)
    train.run(pipeline(tmp_path, **COUPLED))
    said = "2 rejected: features: 1 values where 5 are needed: 1 row (id 9), text: null: 1 row (id 7)"
    assert said in capsys.readouterr().out


POSITIVE = """
from math import prod
from torch import nn
def make(shape, outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), outputs), nn.Softplus())
"""


@pytest.fixture
def positive(tmp_path, monkeypatch):
    """A network all of whose bits are 1, whatever it learns."""
    (tmp_path / "positive_nets.py").write_text(POSITIVE)
    monkeypatch.syspath_prepend(tmp_path)
    yield {"network": {"name": "own", "path": "positive_nets:make"}}
    sys.modules.pop("positive_nets", None)


def test_a_collapsed_hasher_is_refused_and_put_aside_and_leaves_the_place_to_another_try(root, positive, capsys):
    with pytest.raises(LearningError) as caught:
        train.run(pipeline(root, **positive))
    said = str(caught.value)
    assert "the hasher has collapsed: 1 distinct codes of 200 distinct items, 16 of 16 bits constant, a similar" in said
    assert "\n" not in said and said.endswith(f"--set paths.hasher={root}/hasher.refused")
    assert not (root / "hasher").exists() and not (root / "checkpoints").exists()
    aside = Hasher.load(str(root / "hasher.refused"), allow=("positive_nets",))
    assert len(np.unique(aside.encode(features(), "features"))) == 1
    (run,) = listed(str(root))
    assert run.state == "failed" and run.figures["constant_bits"] == 16 and run.figures["distinct_codes"] == 1
    train.run(pipeline(root))
    assert Hasher.load(str(root / "hasher")).code_length == 16
    assert not (root / "hasher.refused").exists()


def test_what_was_learned_is_said_in_the_line_and_in_the_record_of_the_run(root, capsys):
    train.run(pipeline(root, validation_share=0.2))
    assert re.search(
        r"of triplets ranked wrongly, [\d.]+% of those held out, \d+ distinct codes of 200 distinct items, "
        r"\d+ of 16 bits constant, a similar item nearer in \d+\.\d% of comparisons \(chance: 50 %\) -> ",
        capsys.readouterr().out,
    )
    (run,) = listed(str(root))
    history = Hasher.load(str(root / "hasher")).provenance["history"][-1]
    assert run.figures["violating"] == history["violating"]
    assert run.figures["validation_violating"] == history["validation_violating"]
    assert run.figures["items"] == run.figures["distinct_items"] == 200
    assert run.figures["ordered"] > 0.9


def test_a_hasher_that_has_learned_little_is_told_with_what_to_try(root, caplog):
    noise = np.random.default_rng(5).standard_normal((ROWS, 5)).astype(np.float32)
    for file in (root / "corpus" / "train").iterdir():
        file.unlink()
    pq.write_table(pa.table(columns(features=noise.tolist())), root / "corpus" / "train" / "0.parquet")
    train.run(pipeline(root, epochs=1))
    (said,) = [record.getMessage() for record in caplog.records if record.name == "jobs.training.outcome"]
    assert re.search(r"the hasher has learned little: \d+% of triplets are ranked wrongly.*adamw", said)


def test_steps_that_were_too_large_leave_the_place_to_the_smaller_ones_of_the_hint(root):
    huge = {"name": "sgd", "learning_rate": 1e30}
    with pytest.raises(LearningError) as caught:
        train.run(pipeline(root, optimizer=huge))
    hint = re.search(r"--set 'train\.optimizer=({[^}]*})', or try", str(caught.value)).group(1)
    smaller = yaml.safe_load(hint)
    assert smaller["name"] == "sgd" and float(smaller["learning_rate"]) == 2.5e29
    with pytest.raises(LearningError, match=r"learning_rate: 6\.25e\+28"):
        train.run(pipeline(root, optimizer=smaller))
    train.run(pipeline(root, optimizer={"name": "adamw"}))
    assert (root / "hasher").exists()


def test_rows_that_are_looked_at_are_spread_over_files_and_groups(tmp_path, monkeypatch):
    write(tmp_path, columns(labels=[[row // 50] for row in range(ROWS)]), files=5)
    for part in (tmp_path / "corpus" / "train").iterdir():
        pq.write_table(pq.read_table(part), part, row_group_size=7)
    monkeypatch.setattr(outcome, "ROWS", 30)
    source = find(pipeline(tmp_path))
    every = np.concatenate([rows.column("id") for rows in outcome._spread(source)])
    assert len(every) == len(set(every.tolist())) and 30 <= len(every) <= 40
    assert {int(id_) // 50 for id_ in every} == {0, 1, 2, 3}
    monkeypatch.setattr(outcome, "PIECES", 2)
    assert {int(rows.column("id")[0].as_py()) // 40 for rows in outcome._spread(source)} == {0, 4}
