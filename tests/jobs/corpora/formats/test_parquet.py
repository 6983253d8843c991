"""Embeddings in Parquet are read as the tools write them, whatever type keeps them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from corpus_rows import batches, features, rows

from hashcore.errors import InvalidInputError
from hashcore.inputs.column import read_column
from hashcore.inputs.features import FeatureInput
from jobs.corpora.formats import corpus
from jobs.corpora.formats.by_name import open_corpus
from jobs.corpora.reader import Columns

WIDTH = 4
TYPES = [np.float16, np.float32, np.float64, np.int8, np.uint8]
LISTS = [pa.list_, pa.large_list, lambda kind: pa.list_(kind, WIDTH)]


def values(dtype, count=20):
    found = np.random.default_rng(0).integers(0, 100, (count, WIDTH))
    return (found / 4 if np.issubdtype(dtype, np.floating) else found).astype(dtype)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("kind", LISTS)
def test_lists_of_numbers_of_any_width_are_features(tmp_path, dtype, kind):
    wanted = values(dtype)
    column = pa.array(list(wanted), kind(pa.from_numpy_dtype(dtype)))
    ids = pa.array([f"k{row}" for row in range(20)], pa.large_string())
    pq.write_table(pa.table({"id": ids, "features": column}), tmp_path / "x.parquet", row_group_size=6)
    found, read = features(tmp_path)
    assert found == ids.to_pylist() and read.dtype == np.float32
    assert (read == wanted.astype(np.float32)).all()


def test_rows_of_pandas_are_read(tmp_path):
    pandas = pytest.importorskip("pandas")
    wanted = values(np.float32)
    frame = pandas.DataFrame({"features": list(wanted), "kind": pandas.Categorical(["cat", "dog"] * 10)})
    frame.index = pandas.Index([f"k{row}" for row in range(20)], name="id")
    frame.to_parquet(tmp_path / "x.parquet")
    ids, read = features(tmp_path)
    assert ids == list(frame.index) and (read == wanted).all()
    assert rows(tmp_path, labels="kind")[1]["labels"] == ["dog"]


@pytest.mark.parametrize("kind", [pa.large_list(pa.float32()), pa.list_(pa.float32(), WIDTH)])
def test_rows_of_polars_are_read(tmp_path, kind):
    wanted = values(np.float32)
    table = {
        "id": pa.array([f"k{row}" for row in range(20)], pa.large_string()),
        "features": pa.array(list(wanted), kind),
        "labels": pa.array(["cat", "dog"] * 10).dictionary_encode().cast(pa.dictionary(pa.uint32(), pa.large_string())),
    }
    pq.write_table(pa.table(table), tmp_path / "x.parquet")
    assert (features(tmp_path)[1] == wanted).all()
    assert rows(tmp_path, labels="labels")[1]["labels"] == ["dog"]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("kind", LISTS)
def test_a_null_rejects_its_row_alone(tmp_path, dtype, kind):
    held = [list(row) for row in values(dtype, 4)]
    held[1], held[2][0] = None, None
    column = pa.array(held, kind(pa.from_numpy_dtype(dtype)))
    pq.write_table(pa.table({"id": range(4), "features": column}), tmp_path / "x.parquet")
    (batch,) = batches(tmp_path)
    read = read_column(batch.column("item"), FeatureInput(dimensions=WIDTH))
    assert read.kept.tolist() == [0, 3] and [row for row, _ in read.rejected] == [1, 2]


def test_files_of_other_formats_are_passed_over_where_it_is_said_that_parquet_is_read(tmp_path):
    pq.write_table(pa.table({"id": range(3), "labels": [1, 2, 3]}), tmp_path / "x.parquet")
    (tmp_path / "dataset_infos.json").write_text("{}")
    with pytest.raises(InvalidInputError, match=r"several formats: .*--set corpus\.format="):
        rows(tmp_path, item=None)
    assert len(rows(tmp_path, item=None, file_format="parquet")) == 3
    (tmp_path / "README.md").write_text("x")
    with pytest.raises(InvalidInputError, match="cannot be read as parquet"):
        rows(tmp_path, item=None, file_format="parquet")


def test_a_part_tells_its_rows_and_what_it_reads(tmp_path):
    pq.write_table(pa.table({"id": range(10)}), tmp_path / "x.parquet", row_group_size=4)
    opened = open_corpus(str(tmp_path))
    (part,) = opened.parts
    pieces = part.pieces(1)
    assert [piece.rows() for piece in pieces] == [4, 4, 2] and part.rows() == 10
    assert pieces[1].inputs == f"{tmp_path}/x.parquet row groups 1:2" and part.inputs.endswith("all rows")
    columns = Columns(str(tmp_path), "id", {}, None)
    assert corpus.count_rows(opened, columns) == 10 and opened.told == "1 Parquet file"
    seen = [id_ for batch in corpus.sample(columns, opened.parts, 3) for id_ in batch.column(0).to_pylist()]
    assert seen == [0, 4, 8]
