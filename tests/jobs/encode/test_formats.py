"""Whatever keeps the items, encoding gives the same codes to the same keys; what cannot be read leaves nothing."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus_rows import write_tar
from encoded_corpus import features, pipeline
from pictures import png

from hashcore.errors import InvalidInputError, OutputError
from jobs import encode, index
from jobs.corpora.formats import image_paths
from jobs.stages import codes_directory, rejects

KEYS = [f"k{row:02}" for row in range(20)]
NAMES = [("cat", "dog")[row % 2] for row in range(20)]


def by_parquet(folder):
    table = pa.table({"id": KEYS, "features": features(20).tolist(), "labels": NAMES})
    pq.write_table(table, folder / "x.parquet")


def by_npy(folder):
    for number, part in enumerate(np.split(features(20), 2)):
        np.save(folder / f"{number}.npy", part)
        rows = slice(number * 10, number * 10 + 10)
        pq.write_table(pa.table({"id": KEYS[rows], "labels": NAMES[rows]}), folder / f"{number}.parquet")


def by_json(folder):
    rows = zip(KEYS, features(20).tolist(), NAMES, strict=True)
    lines = [json.dumps({"id": key, "features": item, "labels": name}) for key, item, name in rows]
    (folder / "x.jsonl").write_text("\n".join(lines))


def by_csv(folder):
    rows = zip(KEYS, features(20).tolist(), NAMES, strict=True)
    lines = [",".join([key, *map(str, item), name]) for key, item, name in rows]
    (folder / "x.csv").write_text("\n".join(["id,a,b,c,d,e,labels", *lines]))


def encoded(root, held, **config):
    """Return codes and labels by key of a database that a function writes."""
    shutil.rmtree(root / "codes", ignore_errors=True)
    shutil.rmtree(root / "corpus" / "queries", ignore_errors=True)
    database = root / "corpus" / "database"
    shutil.rmtree(database)
    database.mkdir()
    held(database)
    encode.run(pipeline(root, **config))
    found, info = (read(str(root / "codes" / "database")) for read in (codes_directory.read, codes_directory.read_info))
    labels = [tuple(info.vocabulary[label] for label in found.labels.of(row)) for row in range(len(found.codes))]
    return dict(zip(found.ids.to_pylist(), zip(map(bytes, found.codes), labels, strict=True), strict=True))


@pytest.mark.parametrize("held", [by_npy, by_json, by_csv])
def test_codes_are_those_of_the_same_rows_in_parquet(spark, root, hasher, capsys, held):
    wanted = encoded(root, by_parquet)
    assert "holds" not in capsys.readouterr().out
    assert encoded(root, held) == wanted
    assert capsys.readouterr().out.count(" holds ") == 1
    codes = hasher.encode(features(20), "features")
    assert wanted == {key: (bytes(codes[row]), (NAMES[row],)) for row, key in enumerate(KEYS)}


def picture(row):
    return png(np.random.default_rng(row).integers(0, 256, (2, 3), np.uint8))


def by_bytes(folder):
    table = pa.table({"id": [f"{name}/{key}" for name, key in zip(NAMES, KEYS, strict=True)], "labels": NAMES})
    pq.write_table(table.append_column("image", pa.array(list(map(picture, range(20))))), folder / "x.parquet")


def by_folders(folder):
    for row in range(20):
        (folder / NAMES[row]).mkdir(exist_ok=True)
        (folder / NAMES[row] / f"{KEYS[row]}.png").write_bytes(picture(row))


def by_tars(folder):
    for tar in range(2):
        rows = range(tar * 10, tar * 10 + 10)
        members = [
            (f"{NAMES[row]}/{KEYS[row]}.{end}", content)
            for row in rows
            for end, content in (("png", picture(row)), ("cls", NAMES[row].encode()))
        ]
        write_tar(folder / f"{tar}.tar", members)


def by_paths(folder):
    by_folders(folder)
    names = [f"{name}/{key}" for name, key in zip(NAMES, KEYS, strict=True)]
    table = pa.table({"id": names, "labels": NAMES, "image": [f"{name}.png" for name in names]})
    pq.write_table(table, folder / "x.parquet")


@pytest.mark.parametrize("held", [by_folders, by_tars, by_paths])
def test_codes_of_images_are_those_of_their_bytes_in_parquet(spark, root, held):
    wanted = encoded(root, by_bytes, modality="image")
    config = {"format": "parquet"} if held is by_paths else {}
    found = encoded(root, held, config=config, modality="image")
    assert {key.removesuffix(".png"): value for key, value in found.items()} == wanted


def test_the_format_is_decisive_as_it_was_found_and_not_as_it_was_said(spark, root, capsys):
    encoded(root, by_npy)
    encode.run(pipeline(root, config={"format": "npy"}))
    assert "encode database: done before" in capsys.readouterr().out
    with pytest.raises(OutputError, match=r"different corpus\.columns"):
        encode.run(pipeline(root, config={"columns": ["x"]}))


def broken_images(folder):
    by_folders(folder)
    (folder / "cat" / "k00.png").write_bytes(b"")


def test_a_broken_image_is_rejected_by_its_path(spark, root):
    assert len(encoded(root, broken_images, modality="image", max_rejected_share=0.1)) == 19
    found = rejects.read(str(root / "codes" / "database" / "rejected")).to_pylist()
    assert [row["id"] for row in found] == ["cat/k00.png"]


def test_only_the_images_that_are_asked_for_are_read(in_process, root, monkeypatch):
    (root / "some.txt").write_text("cat/k00.png\ndog/k03.png\n")
    read: list[str] = []
    whole = image_paths._local
    monkeypatch.setattr(image_paths, "_local", lambda path: read.append(path) or whole(path))
    found = encoded(root, by_folders, modality="image", only_ids=str(root / "some.txt"))
    assert sorted(found) == ["cat/k00.png", "dog/k03.png"]
    assert sorted(path[-11:] for path in read) == sorted(found)


def twice(folder):
    by_tars(folder)
    shutil.copy(folder / "0.tar", folder / "2.tar")


def test_a_key_that_two_tars_hold_is_named_by_the_index(spark, root):
    shutil.rmtree(root / "corpus" / "queries")
    shutil.rmtree(root / "corpus" / "database")
    (root / "corpus" / "database").mkdir()
    twice(root / "corpus" / "database")
    encode.run(pipeline(root, modality="image"))
    with pytest.raises(InvalidInputError, match=r"cat/k00"):
        index.run(pipeline(root, modality="image"))
    assert not (root / "index" / "CURRENT").exists()


def cut_tar(folder):
    by_tars(folder)
    content = (folder / "1.tar").read_bytes()
    (folder / "1.tar").write_bytes(content[:3000])


def other_rows(folder):
    by_npy(folder)
    np.save(folder / "1.npy", features(9))


@pytest.mark.parametrize(
    ("held", "config", "said"),
    [
        (lambda folder: (folder / "x.txt").write_text("x"), {"format": "images"}, "holds no image"),
        (cut_tar, {}, r"1\.tar is cut short or damaged at byte"),
        (other_rows, {}, r"1\.npy has 9 rows but .*1\.parquet has 10"),
        (lambda folder: (by_npy(folder), by_csv(folder)), {}, "holds files of several formats"),
        (by_npy, {"format": "webdataset"}, "holds no tar"),
        (by_tars, {"format": "json"}, "holds no file of JSON lines"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_nothing_is_half_written(spark, root, held, config, said):
    modality = "image" if held is cut_tar else "features"
    with pytest.raises(InvalidInputError, match=said) as caught:
        encoded(root, held, config=config, modality=modality)
    assert "\n" not in str(caught.value)
    assert not (root / "codes").exists() or os.listdir(root / "codes") == []


def test_a_folder_of_images_in_s3_is_encoded(spark, root, bucket):
    from hashcore.storage import files

    for row in range(20):
        files.write_bytes(f"{bucket}/photos/{NAMES[row]}/{KEYS[row]}.png", picture(row))
    wanted = encoded(root, by_folders, modality="image")
    given = pipeline(root, modality="image")
    places = {"corpus_database": f"{bucket}/photos", "codes_database": str(root / "other")}
    encode.run(given.model_copy(update={"paths": given.paths.model_copy(update=places)}))
    found = codes_directory.read(str(root / "other"))
    assert dict(zip(found.ids.to_pylist(), map(bytes, found.codes), strict=True)) == {
        key: code for key, (code, _) in wanted.items()
    }
