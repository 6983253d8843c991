"""Encode names in one line what cannot be read or written, and leaves nothing half-written."""

from __future__ import annotations

import json
import os

import pyarrow as pa
import pytest
from encoded_corpus import DIMENSIONS, features, pipeline, replace_database

from hashcore.errors import InvalidInputError, OutputError
from hashcore.storage import files
from jobs import encode
from jobs.config.pipeline import Pipeline


def test_a_column_of_another_kind_is_refused(spark, root):
    with pytest.raises(InvalidInputError, match=r"images are .* but must be binary"):
        encode.run(pipeline(root, modality="image", column="features"))


def columns(**changed):
    made = {"id": [1, 2], "features": features(2).tolist(), "labels": [[1], [2]]}
    return {name: values for name, values in {**made, **changed}.items() if values is not None}


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (columns(id=[1, None]), "1 ids in id are null"),
        (columns(id=None), r"has no column id \(corpus\.id\); it has features, labels"),
        (columns(features=None), r"has no column features \(encode\.column\); it has id, labels"),
        (columns(labels=None), r"has no column labels .*; use --set corpus\.labels=null"),
        (columns(id=[0.5, 1.0]), "ids in id are double; give each item a whole number, a text or bytes"),
        (columns(labels=[0.5, 1.0]), "labels in labels are double; number the classes, or name them"),
    ],
)
def test_a_corpus_that_does_not_fit_is_refused_and_nothing_is_written(spark, root, capfd, held, message):
    replace_database(root, held)
    with pytest.raises(InvalidInputError, match=message) as caught:
        encode.run(pipeline(root))
    assert "\n" not in str(caught.value)
    assert "Traceback" not in capfd.readouterr().err
    assert not (root / "codes").exists() or os.listdir(root / "codes") == []


def test_an_empty_corpus_is_refused(spark, root):
    empty = {"id": pa.int64(), "features": pa.list_(pa.float32()), "labels": pa.list_(pa.int32())}
    replace_database(root, {name: pa.array([], kind) for name, kind in empty.items()})
    with pytest.raises(InvalidInputError, match="is empty; give a corpus with at least one row"):
        encode.run(pipeline(root))


def test_a_missing_corpus_is_named(spark, root):
    for file in (root / "corpus" / "queries").iterdir():
        file.unlink()
    with pytest.raises(InvalidInputError, match=r"corpus/queries does not exist or is empty"):
        encode.run(pipeline(root))


def test_files_that_spark_cannot_read_are_named(spark, root):
    for file in (root / "corpus" / "database").iterdir():
        file.write_bytes(b"no parquet")
    with pytest.raises(InvalidInputError, match=r"corpus/database cannot be read as parquet") as caught:
        encode.run(pipeline(root))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_damaged_further_on_is_named_and_nothing_is_written(spark, root):
    last = max((root / "corpus" / "database").iterdir())
    content = bytearray(last.read_bytes())
    content[4:60] = bytes(56)
    last.write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"corpus/database cannot be read as parquet"):
        encode.run(pipeline(root))
    assert os.listdir(root / "codes") == []


def test_files_of_a_format_that_spark_cannot_read_are_named(spark, root):
    with pytest.raises(InvalidInputError, match=r"cannot be read as orc"):
        encode.run(pipeline(root, config={"format": "orc"}))


def test_a_place_that_spark_cannot_read_is_one_line(spark, root, bucket):
    files.write_bytes(f"{bucket}/corpus/rows.orc", b"{}")
    values = pipeline(root, config={"format": "orc"}).model_dump()
    values["paths"]["corpus_database"] = f"{bucket}/corpus"
    with pytest.raises(InvalidInputError, match=rf"{bucket}/corpus cannot be read as orc: .*s3") as caught:
        encode.run(Pipeline.model_validate(values))
    assert "\n" not in str(caught.value)


def test_an_unwritable_output_is_refused(spark, root):
    (root / "codes").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        encode.run(pipeline(root))


@pytest.mark.parametrize(
    ("row", "config", "message"),
    [
        ({"labels": 3_000_000_000}, {}, "labels in labels span .* but must fit int32"),
        ({"labels": [0, 0, 1]}, {}, r"lists of 3 values, all 0 and 1: .*corpus\.labels_as=hot"),
        ({"labels": 0.5}, {}, "labels in labels are double; number the classes, or name them"),
        ({"id": 9_223_372_036_854_775_808}, {}, r"ids in id are double; give each item a whole number"),
    ],
)
def test_json_rows_are_refused_as_those_of_parquet_are(spark, root, row, config, message):
    for file in (root / "corpus" / "database").iterdir():
        file.unlink()
    line = json.dumps({"id": 1, "features": [1.5] * DIMENSIONS, "labels": [1], **row})
    (root / "corpus" / "database" / "rows.json").write_text(line)
    with pytest.raises(InvalidInputError, match=message) as caught:
        encode.run(pipeline(root, config={"format": "json", **config}))
    assert "\n" not in str(caught.value)


def test_csv_without_columns_of_numbers_is_refused(spark, root):
    for file in (root / "corpus" / "database").iterdir():
        file.unlink()
    (root / "corpus" / "database" / "rows.csv").write_text("id,labels\n1,2\n")
    with pytest.raises(InvalidInputError, match=r"rows\.csv has no columns of numbers to make items of; it has id"):
        encode.run(pipeline(root, config={"format": "csv"}))
