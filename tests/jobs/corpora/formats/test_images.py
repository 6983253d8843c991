"""A folder of images is read in place: paths are ids, first folders labels, and nothing that is an image is lost."""

from __future__ import annotations

import os

import corpus_rows
import pytest
import training_corpus
from corpus_rows import picture, rows

from hashcore.errors import InvalidInputError
from hashcore.inputs.column import read_column
from hashcore.inputs.images import ImageInput
from hashcore.storage import files
from jobs.corpora.formats import image_paths, images
from jobs.corpora.formats.by_name import open_corpus
from jobs.training import reading
from jobs.training.source import find

NAMES = ["cat/1.png", "cat/old/_DSC2.JPG", "dog/3.png", "dog/empty.jpeg", "top.png"]


def write(folder, names=NAMES):
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if "empty" in name else picture(number))
    return folder


def test_paths_are_ids_and_first_folders_are_labels(tmp_path):
    write(tmp_path)
    for other in ("notes.txt", ".hidden.png", "cat/.DS_Store"):
        (tmp_path / other).write_bytes(b"x")
    found = rows(tmp_path, item="image", labels="labels", batch_rows=2)
    assert [row["id"] for row in found] == NAMES
    assert [row["labels"] for row in found] == [["cat"], ["cat"], ["dog"], ["dog"], []]
    assert [row["item"]["bytes"] for row in found] == [(tmp_path / name).read_bytes() for name in NAMES]
    assert [row["item"]["path"] for row in found] == NAMES


def test_an_empty_or_broken_image_reaches_the_decoder_and_is_rejected(tmp_path):
    write(tmp_path)
    (tmp_path / "dog" / "3.png").write_bytes(picture(2)[:60])
    (batch,) = corpus_rows.batches(tmp_path, item="image")
    read = read_column(batch.column("item"), ImageInput(height=8, width=8, channels=3))
    assert [row for row, _ in read.rejected] == [2, 3] and read.kept.tolist() == [0, 1, 4]


def test_labels_are_read_without_the_images(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.setattr(image_paths, "_read", None)
    found = rows(tmp_path, item=None, labels="labels")
    assert found[0] == {"id": "cat/1.png", "labels": ["cat"]}


def test_a_folder_without_folders_has_no_labels(tmp_path):
    write(tmp_path, ["a.png", "b.png"])
    assert [row["id"] for row in rows(tmp_path, item="image")] == ["a.png", "b.png"]
    with pytest.raises(InvalidInputError, match=r"has no column labels .*; it has id, image; use --set corpus\.labels"):
        rows(tmp_path, item="image", labels="labels")


def test_an_image_alone_is_a_corpus(tmp_path):
    write(tmp_path, ["a.png"])
    (row,) = rows(tmp_path / "a.png", item="image")
    assert row == {"id": "a.png", "item": {"bytes": picture(0), "path": "a.png", "reason": None}}


def test_images_of_s3_are_read_in_the_same_order(tmp_path, bucket):
    write(tmp_path)
    for name in NAMES:
        files.write_bytes(f"{bucket}/photos/{name}", (tmp_path / name).read_bytes())
    files.write_bytes(f"{bucket}/photos/.hidden/x.png", b"x")
    here = rows(tmp_path, item="image", labels="labels")
    assert rows(f"{bucket}/photos", item="image", labels="labels") == here


def test_many_images_are_divided_into_parts_that_hold_few_names(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "FILES", 2)
    write(tmp_path)
    corpus = open_corpus(str(tmp_path))
    assert [part.rows() for part in corpus.parts] == [2, 2, 1]
    assert corpus.told == "5 images in 2 folders: columns id, image, labels"
    assert [row["id"] for row in rows(tmp_path, item="image", labels="labels")] == NAMES


def test_a_batch_ends_after_so_many_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(image_paths, "AT_ONCE", 1)
    monkeypatch.setattr(image_paths, "BATCH_BYTES", 1)
    write(tmp_path)
    assert list(map(len, corpus_rows.batches(tmp_path, item="image"))) == [1] * 5


@pytest.mark.parametrize("file_format", ["images", "auto"])
def test_a_folder_without_images_is_refused(tmp_path, file_format):
    (tmp_path / "notes.txt").write_text("x")
    wanted = "holds no image" if file_format == "images" else "cannot be read as parquet"
    with pytest.raises(InvalidInputError, match=wanted):
        rows(tmp_path, item="image", file_format=file_format)


def test_links_are_followed_and_what_leads_nowhere_is_said(tmp_path):
    write(tmp_path / "held", ["a.png"])
    write(tmp_path / "photos", ["b.png"])
    (tmp_path / "photos" / "linked").symlink_to(tmp_path / "held")
    assert [row["id"] for row in rows(tmp_path / "photos", item="image")] == ["b.png", "linked/a.png"]
    (tmp_path / "photos" / "nowhere.png").symlink_to("gone.png")
    with pytest.raises(InvalidInputError, match="is a link to nothing"):
        rows(tmp_path / "photos", item="image")


def test_a_hasher_is_trained_on_a_folder_of_images(tmp_path, capsys):
    for number in range(40):
        path = tmp_path / "photos" / ("cat" if number % 2 else "dog") / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"broken" if number == 7 else picture(number))
    given = training_corpus.pipeline(tmp_path, modality="image", max_rejected_share=0.1)
    paths = given.paths.model_copy(update={"corpus_train": str(tmp_path / "photos")})
    given = given.model_copy(update={"paths": paths})
    source = find(given)
    assert (source.format, source.rows, source.names) == ("images", 40, ("cat", "dog"))
    assert "train: " in capsys.readouterr().out
    table = reading.read(source, given.train)
    held = dict(zip(table.column("id").to_pylist(), table.column("labels").to_pylist(), strict=True))
    assert len(held) == 39 and held["cat/01.png"] == [0] and held["dog/00.png"] == [1]
    assert "cat/07.png" not in held


def test_names_that_look_like_places_are_names(tmp_path):
    odd = ["http:/x.png", "~/y.png", "a b/é.png"]
    write(tmp_path, odd)
    found = rows(tmp_path, item="image", labels="labels")
    assert sorted(row["id"] for row in found) == sorted(odd)
    assert all(row["item"]["bytes"] for row in found)
    assert {row["item"]["path"] for row in found} == set(map(os.path.normpath, odd))
