"""WebDataset tars are read as streams: a sample is a row, and a tar that is cut short is said with the place."""

from __future__ import annotations

import gzip
import json
import re

import corpus_rows
import pytest
from corpus_rows import picture, rows, write_tar
from hypothesis import given
from hypothesis import strategies as st

from hashcore.errors import InvalidInputError
from hashcore.inputs.column import read_column
from hashcore.inputs.images import ImageInput
from hashcore.storage import files
from jobs.corpora.formats import tar_samples, webdataset
from jobs.corpora.formats.by_name import open_corpus


def sample(key, number=0, **more):
    """Return the members of a sample as img2dataset writes them."""
    fields = {"key": key, "caption": f"picture {number}", "label": f"class {number % 3}", "width": 8, **more}
    return [
        (f"{key}.jpg", picture(number)),
        (f"{key}.json", json.dumps(fields).encode()),
        (f"{key}.txt", f"text {number}\n".encode()),
    ]


def write(folder, tars=2, samples=5):
    folder.mkdir(exist_ok=True)
    for tar in range(tars):
        held = [member for n in range(samples) for member in sample(f"{tar:05}{n:04}", tar * samples + n)]
        write_tar(folder / f"{tar:05}.tar", held)
    return folder


def test_tars_of_img2dataset_are_rows_of_keys_images_and_fields(tmp_path):
    write(tmp_path)
    (tmp_path / "00000.parquet").write_bytes(b"what img2dataset leaves beside")
    (tmp_path / "00000_stats.json").write_bytes(b"{}")
    found = rows(tmp_path, item="image", labels="labels", batch_rows=3)
    assert [row["id"] for row in found] == [f"{tar:05}{n:04}" for tar in range(2) for n in range(5)]
    assert [row["labels"] for row in found] == [[f"class {n % 3}"] for n in range(10)]
    assert [row["item"]["bytes"] for row in found] == [picture(n) for n in range(10)]
    assert found[0]["item"]["path"] == "000000000.jpg"


@pytest.mark.parametrize(("column", "wanted"), [("caption", "picture 0"), ("txt", "text 0"), ("label", "class 0")])
def test_texts_and_fields_are_columns(tmp_path, column, wanted):
    write(tmp_path, tars=1)
    assert rows(tmp_path, item=None, labels=column)[0]["labels"] == [wanted]
    assert rows(tmp_path, item=None, labels="width")[0]["labels"] == [8]
    assert rows(tmp_path, item=None, key="key")[0]["id"] == "000000000"
    assert rows(tmp_path, item=None, key="__key__")[0]["id"] == "000000000"


def test_classes_are_numbers_or_names(tmp_path):
    for folder, classes in (("numbers", ["3", "0", ""]), ("names", ["cat", "dog", "3"])):
        (tmp_path / folder).mkdir()
        members = [
            (f"a/b{n}.{end}", content)
            for n, text in enumerate(classes)
            for end, content in (("cls", text.encode()), ("PNG", picture(n)))
        ]
        write_tar(tmp_path / folder / "x.tar", members)
    found = rows(tmp_path / "numbers", item="image", labels="labels")
    assert [(row["id"], row["labels"]) for row in found] == [("a/b0", [3]), ("a/b1", [0]), ("a/b2", [])]
    with pytest.raises(InvalidInputError, match="has no column labels"):
        rows(tmp_path / "names", item="image", labels="labels")


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz", "w"])
def test_tars_are_read_however_they_are_compressed(tmp_path, mode):
    write_tar(tmp_path / "x.tar", sample("a"), mode)
    (row,) = rows(tmp_path / "x.tar", item="image", labels="labels")
    assert row["id"] == "a" and row["item"]["bytes"] == picture(0)
    assert rows(tmp_path / "x.tar", item=None, labels="labels") == [{"id": "a", "labels": ["class 0"]}]


def test_tars_of_s3_are_read_alike(tmp_path, bucket):
    write(tmp_path)
    for name in ("00000.tar", "00001.tar"):
        files.write_bytes(f"{bucket}/x/{name}", (tmp_path / name).read_bytes())
    assert rows(f"{bucket}/x", item="image", labels="labels") == rows(tmp_path, item="image", labels="labels")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tar")
    write(folder, tars=1, samples=3)
    return (folder / "00000.tar").read_bytes()


@given(share=st.floats(0, 1, exclude_max=True), item=st.sampled_from(["image", None]))
def test_a_tar_that_is_cut_anywhere_is_one_line_with_its_name_and_the_place(tmp_path_factory, whole, share, item):
    used = whole.rstrip(b"\0")
    end = -(-len(used) // 512) * 512 + 512  # with the first of the two empty blocks it is whole
    path = tmp_path_factory.mktemp("cut") / "x.tar"
    path.write_bytes(whole[: int(share * (end - 512))])
    with pytest.raises(InvalidInputError) as caught:
        rows(path, item=item, labels="labels")
    said = str(caught.value)
    assert re.search(r"x\.tar is cut short or damaged at byte [\d,]+ of the tar", said) and "\n" not in said


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_gzipped_tar_that_is_cut_is_one_line(tmp_path, whole, kept):
    packed = gzip.compress(whole)
    (tmp_path / "x.tar.gz").write_bytes(packed[: int(len(packed) * kept)])
    with pytest.raises(InvalidInputError, match=r"x\.tar\.gz is cut short or damaged at byte"):
        rows(tmp_path, item="image", labels="labels")


def test_a_sample_without_an_image_or_with_two_is_rejected_with_its_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(tar_samples, "MOST_BYTES", 1000)
    members = [
        ("a.txt", b"x"),
        ("b.png", picture(1)),
        ("b.jpg", picture(2)),
        ("c.png", picture(3)),
        ("d.jpg", b"x" * 1001),
    ]
    write_tar(tmp_path / "x.tar", members)
    (batch,) = corpus_rows.batches(tmp_path, item="image")
    read = read_column(batch.column("item"), ImageInput(height=8, width=8, channels=3))
    assert read.kept.tolist() == [2]
    assert [reason for _, reason in read.rejected] == [
        "the sample has no image",
        "the sample has 2 images: png, jpg",
        f"the image has more than {webdataset.MOST_BYTES:,} bytes",
    ]


def test_keys_that_occur_twice_are_two_rows(tmp_path):
    write_tar(tmp_path / "x.tar", [*sample("a"), *sample("b"), *sample("a")])
    assert [row["id"] for row in rows(tmp_path, item="image")] == ["a", "b", "a"]


def test_folders_links_and_hidden_members_are_no_samples(tmp_path):
    write_tar(tmp_path / "x.tar", [("./f/._a.jpg", b"x"), ("README", b"x"), *sample("./f/a")])
    assert [row["id"] for row in rows(tmp_path, item="image")] == ["f/a"]


def test_values_that_change_their_type_are_refused_in_one_line(tmp_path):
    write_tar(tmp_path / "0.tar", sample("a", width=8))
    write_tar(tmp_path / "1.tar", sample("b", width="wide"))
    with pytest.raises(InvalidInputError, match=r"1\.tar: width is no int64 throughout, .*; write it alike in all"):
        rows(tmp_path, item=None, labels="width")


def test_batches_end_after_so_many_bytes_and_what_was_found_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(webdataset, "BATCH_BYTES", 1)
    write(tmp_path, tars=1)
    assert list(map(len, corpus_rows.batches(tmp_path, item="image"))) == [1] * 5
    assert open_corpus(str(tmp_path)).told.startswith("1 tar of samples: columns id, __key__, image, labels, caption")


def test_tars_without_samples_are_refused(tmp_path):
    write_tar(tmp_path / "x.tar", [])
    with pytest.raises(InvalidInputError, match="holds no sample"):
        rows(tmp_path, item="image")
