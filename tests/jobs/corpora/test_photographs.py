"""From a folder of photographs of every size, colour and format to codes: what training saw, encoding sees."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from photographs import write_folder

from hashcore.codes import Codes
from hashcore.hasher import Hasher
from hashcore.inputs.column import read_column
from hashcore.inputs.image_resizing import Resize
from hashcore.inputs.images import ImageInput
from jobs import encode, train
from jobs.config.pipeline import Pipeline
from jobs.training import reading
from jobs.training.source import find

COUNT, CLASSES, BROKEN = 60, 3, 0.1
MLP = {"network": {"name": "mlp", "hidden": [16]}, "optimizer": {"name": "adamw"}, "epochs": 2, "batch_size": 16}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    root = tmp_path_factory.mktemp("photographs")
    for part, seed in (("train", 0), ("database", 0)):
        written = write_folder(root / "corpus" / part, COUNT, CLASSES, BROKEN, seed)
    return root, written


def pipeline(root, **values):
    given = {"code_length": 16, "in_process": True, "max_rejected_share": 0.2, **values}
    paths = {name: f"{root}/corpus/{name}" for name in ("train", "database")}
    return Pipeline.model_validate(
        {
            "name": "photographs",
            "root": f"{root}/{values.get('method', 'network')}-{values.get('resize', 'auto')}",
            "paths": {f"corpus_{name}": path for name, path in paths.items()},
            "corpus": {"labels": "labels"},
            "train": given,
            "encode": {"max_rejected_share": 0.2},
            "engine": "process",
        }
    )


def codes_by_key(folder) -> dict[str, bytes]:
    rows = pq.read_table(Path(folder) / "data").to_pylist()
    return {row["id"]: row["code"] for row in rows}


def codes_one_by_one(hasher: Hasher, folder, written) -> dict[str, Codes]:
    """Return the codes of the good files, each read alone."""
    spec = hasher.modalities["image"].input
    column = pa.array([(Path(folder) / each.path).read_bytes() for each in written])
    return {
        written[row].path: hasher.encode(read_column(column.slice(row, 1), spec).values, "image").tobytes()
        for row in range(len(written))
        if written[row].good
    }


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"method": "lsh"}, "images of every size by crop to 64 x 64 (bilinear)"),
        ({**MLP, "resize": "pad", "size": [24, 32], "interpolation": "box"}, "by pad to 24 x 32 (box)"),
    ],
    ids=["lsh", "network"],
)
def test_photographs_are_encoded_as_they_were_learned(photographs, capsys, values, told):
    root, written = photographs
    made = pipeline(root, **values)
    train.run(made)
    bad = {each.path for each in written if not each.good}
    assert told in (said := capsys.readouterr().out) and f"{len(bad)} rejected" in said
    hasher = Hasher.load(made.paths.hasher)
    assert isinstance(spec := hasher.modalities["image"].input, ImageInput) and spec.channels == 3
    how = Resize(mode=values.get("resize", "crop"), interpolation=values.get("interpolation", "bilinear"))
    assert json.loads((Path(made.paths.hasher) / "hasher.json").read_text())["format_version"] == 2
    assert (spec.resize, spec.shape) == (how, (3, *values.get("size", (64, 64))))
    encode.run(made)
    wanted = codes_one_by_one(hasher, made.paths.corpus_database, written)
    assert codes_by_key(made.paths.codes_database) == wanted
    for folder in (made.paths.hasher, made.paths.codes_database):
        rejected = pq.read_table(Path(folder) / "rejected").to_pylist()
        assert {row["id"] for row in rejected} == bad and all(row["reason"] for row in rejected)


def test_what_training_reads_is_what_the_hasher_reads(photographs):
    root, written = photographs
    made = pipeline(root, method="lsh", resize="stretch", size=[20, 20])
    source = find(made)
    table = reading.read(source, made.train).sort_by("id")
    files = [(Path(made.paths.corpus_train) / key).read_bytes() for key in table.column("id").to_pylist()]
    read = read_column(pa.array(files), source.inputs["image"])
    assert np.array_equal(reading.items(table, source, "image"), read.values)
    assert len(read.values) == sum(each.good for each in written)


def test_images_of_one_size_make_the_hasher_that_they_always_made(tmp_path):
    from photographs import encoded, in_mode, scene

    dice = np.random.default_rng(0)
    images = [encoded(in_mode(scene(dice, row % 2, 2, (12, 9)), "RGB"), "PNG") for row in range(40)]
    folder = tmp_path / "corpus" / "train"
    folder.mkdir(parents=True)
    pq.write_table(
        pa.table({"id": range(40), "image": images, "labels": [row % 2 for row in range(40)]}), folder / "0.parquet"
    )
    for resize in ("auto", "none"):
        given = {"code_length": 16, "in_process": True, "resize": resize, "method": "lsh"}
        paths = {"corpus_train": str(folder)}
        train.run(
            Pipeline.model_validate({"name": "a", "root": f"{tmp_path}/{resize}", "paths": paths, "train": given})
        )
    written = [(tmp_path / resize / "hasher" / "hasher.json").read_bytes() for resize in ("auto", "none")]
    assert written[0] == written[1]
    told = json.loads(written[0])
    assert told["format_version"] == 1
    assert told["modalities"]["image"]["input"] == {"kind": "image", "height": 9, "width": 12, "channels": 3}
