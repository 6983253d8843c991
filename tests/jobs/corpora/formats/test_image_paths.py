"""Images given by paths are read from where the corpus lies, and from nowhere that it must not reach."""

from __future__ import annotations

import os

import corpus_rows
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus_rows import picture, rows

from hashcore.errors import InvalidInputError
from hashcore.inputs.column import infer, read_column
from hashcore.inputs.images import ImageInput
from hashcore.storage import files
from jobs.corpora.formats import image_paths


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "corpus" / "img").mkdir(parents=True)
    (tmp_path / "outside.png").write_bytes(picture(9))
    for number in range(3):
        (tmp_path / "corpus" / "img" / f"{number}.png").write_bytes(picture(number))
    return tmp_path / "corpus"


def write(folder, paths, kind=None):
    pq.write_table(pa.table({"id": range(len(paths)), "image": pa.array(paths, kind)}), folder / "rows.parquet")


def contents(folder, **options):
    return [row["item"]["bytes"] for row in rows(folder / "rows.parquet", item="image", **options)]


def reasons(folder):
    (batch,) = corpus_rows.batches(folder / "rows.parquet", item="image", batch_rows=99)
    return dict(read_column(batch.column("item"), ImageInput(height=8, width=8, channels=3)).rejected)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())])
def test_paths_begin_where_their_file_lies_or_at_the_root(folder, kind):
    given = ["img/2.png", str(folder / "img" / "0.png"), f"file://{folder}/img/1.png", "./img/../img/2.png"]
    paths = pa.array(given).dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else given
    write(folder, paths, None if pa.types.is_dictionary(kind) else kind)
    assert contents(folder, batch_rows=3) == [picture(2), picture(0), picture(1), picture(2)]
    assert not reasons(folder)


def test_images_may_lie_beside_the_rows_that_name_them_where_the_format_is_said(folder):
    write(folder, ["img/0.png"])
    with pytest.raises(InvalidInputError, match=r"files of several formats: images \(3\), parquet \(1\); say which"):
        rows(folder, item="image")
    assert rows(folder, item="image", file_format="parquet")[0]["item"]["bytes"] == picture(0)


def test_objects_are_read_from_a_corpus_of_this_machine(folder, bucket):
    files.write_bytes(f"{bucket}/img/5.png", picture(5))
    write(folder, [f"{bucket}/img/5.png", f"{bucket}/img/gone.png"])
    assert contents(folder) == [picture(5), None]
    assert reasons(folder) == {1: "the file does not exist"}


def test_a_corpus_of_s3_reads_below_itself_and_nothing_of_this_machine(folder, bucket):
    files.write_bytes(f"{bucket}/c/img/5.png", picture(5))
    given = ["img/5.png", str(folder / "img" / "0.png"), f"file://{folder}/img/1.png", "../../etc/passwd"]
    write(folder, given)
    files.write_bytes(f"{bucket}/c/rows.parquet", (folder / "rows.parquet").read_bytes())
    (batch,) = corpus_rows.batches(f"{bucket}/c", item="image", file_format="parquet")
    held = batch.column("item").to_pylist()
    assert [each["bytes"] for each in held] == [picture(5), None, None, None]
    assert [each["reason"] for each in held[1:]] == [
        "the file cannot be read (a path of this machine, in a corpus that is none of it)",
        "the file cannot be read (a path of this machine, in a corpus that is none of it)",
        "the file cannot be read (the path leads out of its folder)",
    ]


def test_what_cannot_be_read_is_a_rejected_row_with_its_reason(folder):
    os.mkfifo(folder / "fifo.png")
    (folder / "empty.png").touch()
    given = [
        "img/0.png",
        "gone.png",
        None,
        "../outside.png",
        "img",
        "fifo.png",
        "",
        "gs://b/x.png",
        "a\0b",
        "empty.png",
    ]
    write(folder, given)
    found = reasons(folder)
    assert sorted(found) == list(range(1, 10))
    assert found[1] == "the file does not exist" and found[2] == "null"
    assert "the path leads out of its folder" in found[3]
    assert found[4] == found[5] == "the path is none of a file"
    assert "the path is empty" in found[6] and "gs:// is not read here" in found[7]
    assert "cannot be read" in found[8]


def test_the_web_is_refused_in_one_line(folder):
    write(folder, ["img/0.png", "https://example.org/x.png"])
    with pytest.raises(InvalidInputError, match=r"https://example\.org/x\.png is of the web, .*img2dataset") as caught:
        contents(folder)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_too_large_is_not_read(folder, monkeypatch, bucket):
    monkeypatch.setattr(image_paths, "MOST_BYTES", 10)
    files.write_bytes(f"{bucket}/5.png", picture(5))
    write(folder, ["img/0.png", f"{bucket}/5.png"])
    assert all("bytes, more than 10" in reason for reason in reasons(folder).values())


def test_texts_that_name_no_file_are_refused_as_items(folder):
    write(folder, ["a text", "another"])
    (batch,) = corpus_rows.batches(folder / "rows.parquet", item="image", batch_rows=99)
    with pytest.raises(InvalidInputError, match=r"no row names a file that can be read: the file does not exist \(2"):
        infer(batch.column("item"))


def test_paths_in_csv_and_json_are_read_as_well(folder):
    (folder / "csv").mkdir()
    (folder / "csv" / "rows.csv").write_text("id,image\na,../img/0.png\nb,x.png\n")
    (folder / "csv" / "x.png").write_bytes(picture(7))
    found = rows(folder / "csv" / "rows.csv", item="image")
    assert [row["item"]["bytes"] for row in found] == [None, picture(7)]
    (folder / "rows.jsonl").write_text('{"id": 1, "image": "img/1.png"}\n')
    assert rows(folder / "rows.jsonl", item="image")[0]["item"]["bytes"] == picture(1)
