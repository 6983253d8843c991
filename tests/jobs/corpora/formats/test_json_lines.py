"""JSON lines are read in blocks and ranges: every line once, however it is divided."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from corpus_rows import features, rows
from hypothesis import given
from hypothesis import strategies as st

from hashcore.errors import InvalidInputError
from hashcore.storage import files
from jobs.corpora import shares
from jobs.corpora.formats import json_lines
from jobs.corpora.formats.by_name import open_corpus


def lines(count, start=0):
    return [
        {"id": f"k{row}", "features": [row, row / 2, -1.5], "labels": ["odd"] * (row % 2)}
        for row in range(start, start + count)
    ]


def text(held):
    return "".join(json.dumps(line) + "\n" for line in held)


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.ndjson", "x.JSONL.gz"])
def test_lines_are_rows_of_keys_lists_and_names(tmp_path, name):
    content = text(lines(20)).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    ids, found = features(tmp_path, labels="labels")
    assert ids == [f"k{row}" for row in range(20)]
    assert (found == np.array([line["features"] for line in lines(20)], np.float32)).all()
    assert rows(tmp_path, labels="labels")[3]["labels"] == ["odd"]


@given(
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=20),
    piece=st.integers(1, 80),
    block=st.integers(1, 60),
    ends=st.booleans(),
    gap=st.booleans(),
)
def test_every_line_is_read_once_however_the_file_is_divided(tmp_path_factory, lengths, piece, block, ends, gap):
    path = tmp_path_factory.mktemp("json") / "x.jsonl"
    content = "\n".join(json.dumps({"id": n, "t": "a" * length}) for n, length in enumerate(lengths))
    path.write_text(content.replace("\n", "\n\n" if gap else "\n") + "\n" * ends)
    columns = shares.Columns(str(path), "id", {}, None)
    (part,) = open_corpus(str(path)).parts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_lines, "BLOCK_BYTES", block)
        found = [row for each in part.pieces(piece) for batch in each.batches(columns, 3) for row in batch.to_pylist()]
    assert [row["id"] for row in found] == list(range(len(lengths)))


def test_a_field_that_is_missing_in_a_block_is_null_there(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 1)
    held = [{"id": 1, "features": [1]}, {"id": 2, "labels": 3}, {"id": 3, "features": [], "labels": None}]
    (tmp_path / "x.jsonl").write_text(text(held))
    with pytest.raises(InvalidInputError, match="has no column labels"):
        rows(tmp_path, labels="labels")
    (tmp_path / "x.jsonl").write_text(text([{"id": 0, "features": [0.5], "labels": 1}, *held]))
    found = rows(tmp_path, labels="labels")
    assert [row["labels"] for row in found] == [[1], [], [3], []]
    assert [row["item"] for row in found] == [[0.5], [1], None, []]


def test_texts_that_look_like_times_are_texts(tmp_path):
    (tmp_path / "x.jsonl").write_text(text([{"id": "2024-05-01T10:00:00", "features": [1.0]}]))
    assert rows(tmp_path)[0]["id"] == "2024-05-01T10:00:00"


def test_folders_may_name_columns(tmp_path):
    for label in ("cat", "dog"):
        (tmp_path / f"labels={label}").mkdir()
        (tmp_path / f"labels={label}" / "x.jsonl").write_text(text([{"id": label, "features": [1.0]}]))
    assert [row["labels"] for row in rows(tmp_path, labels="labels")] == [["cat"], ["dog"]]


def test_lines_of_s3_are_read(bucket):
    files.write_bytes(f"{bucket}/x.jsonl", text(lines(5)).encode())
    assert features(f"{bucket}/x.jsonl")[0] == [f"k{row}" for row in range(5)]


@pytest.mark.parametrize(
    "content",
    ['[{"id": 1}]', '{"id": 1', '{"id": 1}\n{"id": "a"}\n', "no json", '{"id": 1, "features": [1, "a"]}'],
)
def test_what_is_no_lines_of_objects_is_refused_in_one_line(tmp_path, content):
    (tmp_path / "x.jsonl").write_text(content)
    with pytest.raises(
        InvalidInputError, match=r"x\.jsonl cannot be read as JSON lines .*; write one object a"
    ) as caught:
        rows(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lines, "MOST_BYTES", 100)
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 10)
    (tmp_path / "x.jsonl").write_text(json.dumps({"id": "a" * 200}))
    with pytest.raises(InvalidInputError, match="has a line of over 100 bytes"):
        rows(tmp_path)


def test_a_gzipped_file_that_is_cut_is_one_line(tmp_path):
    packed = gzip.compress(text(lines(500)).encode())
    (tmp_path / "x.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(InvalidInputError, match=r"x\.jsonl\.gz cannot be read as JSON lines"):
        rows(tmp_path)
