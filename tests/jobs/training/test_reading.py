"""What training reads: images, rows of several modalities, judgements, whatever the files."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import png
from training_corpus import COUPLED, ROWS, columns, features, pipeline, two_views, write

from hashcore.errors import InvalidInputError
from hashcore.hasher import Hasher
from jobs import train
from jobs.training import reading
from jobs.training.source import find


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


def test_files_that_are_not_parquet_are_named(root):
    for file in (root / "corpus" / "train").iterdir():
        file.write_bytes(b"no parquet")
    with pytest.raises(InvalidInputError, match="corpus/train cannot be read as parquet") as caught:
        train.run(pipeline(root))
    assert "\n" not in str(caught.value)
