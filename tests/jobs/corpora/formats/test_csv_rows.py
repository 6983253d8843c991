"""CSV is read as vectors of its columns of numbers, with ids and labels that stay what they are written as."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from corpus_rows import batches, features, rows

from hashcore.errors import InvalidInputError
from hashcore.inputs.column import read_column
from hashcore.inputs.features import FeatureInput
from jobs.corpora.formats.by_name import open_corpus

HEADER = "id,x0,caption,x1,labels"
ROWS = ['7,0.1,"a, b",2,3', '8,-1e-3,"c\nd",4,0', "9,5,,6,3"]


def write(path, held=ROWS, header=HEADER):
    path.write_text("\n".join([header, *held]) + "\n")
    return path


def test_all_columns_of_numbers_but_ids_and_labels_make_an_item(tmp_path):
    write(tmp_path / "x.csv")
    ids, found = features(tmp_path, labels="labels", batch_rows=2)
    assert ids == [7, 8, 9]
    assert (found == np.array([[0.1, 2], [-1e-3, 4], [5, 6]], np.float32)).all()
    assert [row["labels"] for row in rows(tmp_path, labels="labels")] == [[3], [0], [3]]
    assert open_corpus(str(tmp_path)).told == "1 file of CSV, 4 columns of numbers: id, x0, x1, labels"


def test_columns_may_be_named_and_are_taken_in_that_order(tmp_path):
    write(tmp_path / "x.csv")
    assert features(tmp_path, vector=("x1", "x0"))[1].tolist()[2] == [6, 5]
    with pytest.raises(InvalidInputError, match=r"x\.csv has no column y \(corpus\.columns\), .*; it has id, x0"):
        rows(tmp_path, vector=("x0", "y"))


def test_tabs_and_gzip_are_read(tmp_path):
    (tmp_path / "x.tsv").write_text("id\tx0\na\t1\n")
    (tmp_path / "y.tsv.gz").write_bytes(gzip.compress(b"id\tx0\nb\t2\n"))
    assert features(tmp_path)[0] == ["a", "b"]


@pytest.mark.parametrize("ids", [["007", "8"], ["a", "1"], ["12345678901234567890", "1"], ["+1", "2"], ["1.0", "2"]])
def test_ids_that_are_not_written_as_numbers_are_keys(tmp_path, ids):
    write(tmp_path / "x.csv", [f"{id_},1" for id_ in ids], "id,x0")
    assert [row["id"] for row in rows(tmp_path)] == ids


def test_labels_may_be_names_and_empty_ones_are_none(tmp_path):
    write(tmp_path / "x.csv", ["1,1,NA", "2,2,", "3,3,cat"], "id,x0,labels")
    assert [row["labels"] for row in rows(tmp_path, labels="labels")] == [["NA"], [], ["cat"]]


def test_a_missing_number_is_a_rejected_row(tmp_path):
    write(tmp_path / "x.csv", ["1,1,2", "2,,3", "3,nan,4"], "id,x0,x1")
    (batch,) = batches(tmp_path)
    read = read_column(batch.column("item"), FeatureInput(dimensions=2))
    assert read.kept.tolist() == [0] and [row for row, _ in read.rejected] == [1, 2]


def test_files_need_the_columns_of_the_first_in_any_order(tmp_path):
    write(tmp_path / "0.csv", ["1,2,3"], "id,x0,x1")
    write(tmp_path / "1.csv", ["5,4,6"], "x1,id,x0")
    assert features(tmp_path)[1].tolist() == [[2, 3], [6, 5]]
    write(tmp_path / "2.csv", ["5,4"], "x1,id")
    with pytest.raises(InvalidInputError, match=r"2\.csv has no column x0"):
        rows(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "cannot be read as CSV"),
        ("id,x0\n1,2\n3\n", "cannot be read as CSV"),
        ("id,x0\n1,2\n3,word\n", "has no columns of numbers"),
        ("id,text\n1,a\n", "has no columns of numbers to make items of; it has id, text"),
        ("key,x0\n1,2\n", r"has no column id \(corpus\.id\); it has key, x0, features"),
    ],
)
def test_what_holds_no_vectors_is_refused_in_one_line(tmp_path, content, said):
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(InvalidInputError, match=said) as caught:
        rows(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_word_far_below_numbers_is_refused_in_one_line(tmp_path):
    write(tmp_path / "x.csv", [f"{row},{row}" for row in range(600_000)] + ["1,word"], "id,x0")
    with pytest.raises(InvalidInputError, match=r"x\.csv cannot be read as CSV .*word"):
        rows(tmp_path, batch_rows=100_000)
