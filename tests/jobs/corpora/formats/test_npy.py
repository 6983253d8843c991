"""NumPy files are read in ranges with what lies beside them, and what does not fit is said in one line."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus_rows import features, rows
from hypothesis import given
from hypothesis import strategies as st

from hashcore.errors import InvalidInputError
from hashcore.storage import files, matrices
from jobs.corpora import shares
from jobs.corpora.formats import npy
from jobs.corpora.formats.by_name import open_corpus


def matrix(count, dtype=np.float32, width=4, seed=0):
    values = np.random.default_rng(seed).integers(0, 100, (count, width))
    return (values / 4 if np.issubdtype(dtype, np.floating) else values).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint8])
def test_a_matrix_is_a_corpus_whose_ids_are_numbers_of_rows(tmp_path, dtype):
    wanted = matrix(20, dtype)
    np.save(tmp_path / "x.npy", wanted)
    for source in (tmp_path, tmp_path / "x.npy"):
        ids, found = features(source)
        assert ids == list(range(20)) and found.dtype == np.float32
        assert (found == wanted.astype(np.float32)).all()


def test_files_follow_each_other_by_their_numbers(tmp_path):
    parts = [matrix(count, seed=count) for count in (3, 5, 2)]
    for number, part in zip((0, 2, 10), parts, strict=True):
        np.save(tmp_path / f"emb_{number}.npy", part)
    ids, found = features(tmp_path)
    assert ids == list(range(10)) and (found == np.concatenate(parts)).all()


@pytest.mark.parametrize("one_for_all", [False, True])
def test_the_layout_of_clip_retrieval_is_read_with_its_keys_and_captions(tmp_path, one_for_all):
    for folder in ("img_emb", "text_emb", "metadata"):
        (tmp_path / folder).mkdir()
    keys = [[f"{number:05}{row:04}" for row in range(6 + number)] for number in range(3)]
    images, texts = ([matrix(6 + n, np.float16, seed=n + 9 * s) for n in range(3)] for s in range(2))
    tables = [pa.table({"key": each, "caption": ["a"] * len(each)}) for each in keys]
    for number in range(3):
        np.save(tmp_path / "img_emb" / f"img_emb_{number}.npy", images[number])
        np.save(tmp_path / "text_emb" / f"text_emb_{number}.npy", texts[number])
        if not one_for_all:
            pq.write_table(tables[number], tmp_path / "metadata" / f"metadata_{number}.parquet", row_group_size=4)
    if one_for_all:
        pq.write_table(pa.concat_tables(tables), tmp_path / "metadata" / "all.parquet", row_group_size=4)
    for column, wanted in (("img_emb", images), ("text_emb", texts)):
        ids, found = features(tmp_path, item=column, key="key", labels="caption")
        assert ids == [key for each in keys for key in each]
        assert (found == np.concatenate(wanted)).all()


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 30), st.integers(1, 9))
def test_every_row_has_its_own_metadata_however_it_is_divided(tmp_path_factory, count, groups, bytes_, batch_rows):
    folder = tmp_path_factory.mktemp("npy")
    wanted = matrix(count)
    np.save(folder / "x.npy", wanted)
    pq.write_table(pa.table({"id": [f"k{row}" for row in range(count)]}), folder / "x.parquet", row_group_size=groups)
    columns = shares.Columns(str(folder), "id", {"item": "features"}, None)
    (part,) = open_corpus(str(folder)).parts
    pieces = part.pieces(bytes_)
    found = [row for piece in pieces for batch in piece.batches(columns, batch_rows) for row in batch.to_pylist()]
    assert sum(piece.rows() for piece in pieces) == count
    assert found == [{"id": f"k{row}", "features": wanted[row].tolist()} for row in range(count)]


def test_only_ids_are_read_where_no_items_are_asked_for(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", matrix(5))
    monkeypatch.setattr(matrices.Matrix, "read", None)
    assert rows(tmp_path, item=None) == [{"id": row} for row in range(5)]


def test_matrices_of_s3_are_read_in_ranges(bucket):
    wanted = matrix(30)
    for number, part in enumerate(np.split(wanted, 3)):
        buffer = io.BytesIO()
        np.save(buffer, part)
        files.write_bytes(f"{bucket}/x/e_{number}.npy", buffer.getvalue())
    ids, found = features(f"{bucket}/x")
    assert ids == list(range(30)) and (found == wanted).all()


OBJECTS = np.array([[1, "a"]], object)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.asfortranarray(matrix(3)), "is in Fortran order"),
        (matrix(3).astype(">f4"), "is big-endian"),
        (OBJECTS, "holds Python objects, which are not loaded"),
        (matrix(3).astype(np.complex64), "holds complex64"),
        (np.zeros(3, np.float32), r"has shape \(3,\)"),
        (np.zeros((3, 0), np.float32), r"has shape \(3, 0\)"),
        (np.zeros(3, [("a", np.float32)]), r"holds \[\('a'"),
    ],
)
def test_what_is_no_matrix_of_rows_is_refused_in_one_line(tmp_path, array, said):
    np.save(tmp_path / "x.npy", array, allow_pickle=array is OBJECTS)
    with pytest.raises(InvalidInputError, match=rf"x\.npy {said}.*; save a matrix of float16") as caught:
        rows(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", [0, 5, 60, 128, 150])
def test_a_file_that_is_cut_short_is_refused(tmp_path, kept):
    np.save(tmp_path / "x.npy", matrix(3))
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:kept])
    with pytest.raises(InvalidInputError, match=r"x\.npy (is no NumPy file|has \d+ bytes where its header)"):
        rows(tmp_path)


def test_rows_that_differ_from_those_of_the_metadata_are_refused_and_both_counts_named(tmp_path):
    np.save(tmp_path / "x.npy", matrix(3))
    pq.write_table(pa.table({"id": [1, 2]}), tmp_path / "x.parquet")
    with pytest.raises(InvalidInputError, match=r"x\.npy has 3 rows but .*x\.parquet has 2"):
        rows(tmp_path)
    np.save(tmp_path / "y.npy", matrix(3))
    with pytest.raises(InvalidInputError, match=r"its \.npy files, has 6 rows but .*x\.parquet has 2"):
        rows(tmp_path)
    pq.write_table(pa.table({"id": [1, 2, 3]}), tmp_path / "y.parquet")
    with pytest.raises(InvalidInputError, match=r"x\.npy has 3 rows but .*x\.parquet has 2"):
        rows(tmp_path)
    np.save(tmp_path / "z.npy", matrix(3))
    with pytest.raises(InvalidInputError, match=r"has 3 NumPy files but 2 Parquet files of metadata"):
        rows(tmp_path)


def test_matrices_of_other_widths_or_counts_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", matrix(3))
    np.save(tmp_path / "y.npy", matrix(3, width=5))
    with pytest.raises(InvalidInputError, match=r"y\.npy has 5 columns but .*x\.npy has 4"):
        rows(tmp_path)
    for folder in ("a", "b"):
        (tmp_path / "two" / folder).mkdir(parents=True)
        np.save(tmp_path / "two" / folder / "0.npy", matrix(3 if folder == "a" else 4))
    with pytest.raises(InvalidInputError, match=r"a/0\.npy has 3 rows but .*b/0\.npy has 4"):
        rows(tmp_path / "two", item="a")


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path):
    np.save(tmp_path / "x.npy", matrix(3))
    with pytest.raises(InvalidInputError, match=r"has no column image \(encode\.column\); it has id, features"):
        rows(tmp_path, item="image")
    assert (
        npy.open_corpus(str(tmp_path)).told
        == "1 NumPy files of 3 rows: features of 4 float32, ids are the numbers of rows"
    )
