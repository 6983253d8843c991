"""Photographs of all sizes and formats, some broken, go from folders or tars to a hash, to codes and to answers."""

from __future__ import annotations

import pyarrow.parquet as pq
from corpus_rows import write_tar
from photographs import write_folder

from jobs import encode, index, search, train
from jobs.config.pipeline import Pipeline
from jobs.stages import codes_directory, rejects


def pipeline(root, corpus):
    return Pipeline.model_validate(
        {
            "name": "photographs",
            "root": str(root),
            "engine": "process",
            "paths": {f"corpus_{part}": str(corpus) for part in ("train", "database", "queries")},
            "train": {"method": "itq", "modality": "image", "code_length": 16, "size": [16, 16], "resize": "crop"}
            | {"channels": 3, "max_rejected_share": 0.2},
            "encode": {"modality": "image", "max_rejected_share": 0.2},
            "search": {"k": 3},
        }
    )


def codes(given):
    found = codes_directory.read(given.paths.codes_database)
    info = codes_directory.read_info(given.paths.codes_database)
    names = [info.vocabulary[found.labels.of(row)[0]] for row in range(len(found.codes))]
    return dict(zip(found.ids.to_pylist(), zip(map(bytes, found.codes), names, strict=True), strict=True))


def test_photographs_in_folders_and_in_tars_have_the_same_codes_and_neighbors(tmp_path, capsys):
    written = write_folder(tmp_path / "photos", 80, 4, broken=0.1)
    (tmp_path / "tars").mkdir()
    for tar in range(2):
        half = [(each.path, (tmp_path / "photos" / each.path).read_bytes()) for each in written[tar::2]]
        told = [(f"{each.path.rpartition('.')[0]}.cls", each.label.encode()) for each in written[tar::2]]
        write_tar(
            tmp_path / "tars" / f"{tar}.tar", [member for pair in zip(half, told, strict=True) for member in pair]
        )
    folders = pipeline(tmp_path / "run", tmp_path / "photos")
    train.run(folders)
    for stage in (encode, index, search):
        stage.run(folders)
    held = codes(folders)
    assert {path: name for path, (_, name) in held.items()} == {each.path: each.label for each in written if each.good}
    bad = rejects.read(f"{folders.paths.codes_database}/rejected").column("id").to_pylist()
    assert sorted(bad) == sorted(each.path for each in written if not each.good)
    assert "holds 80 images in 4 folders" in capsys.readouterr().out
    tars = pipeline(tmp_path / "other", tmp_path / "tars")
    tars = tars.model_copy(update={"paths": tars.paths.model_copy(update={"hasher": folders.paths.hasher})})
    encode.run(tars)
    assert codes(tars) == {path.rpartition(".")[0]: value for path, value in held.items()}
    found = pq.read_table(folders.paths.neighbors)
    assert len(found) == 3 * len(held)
    assert set(found.column("id").to_pylist()) <= set(held)
