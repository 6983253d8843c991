"""Encode sets bad rows aside with their reasons, tries them again alone, and fails where they are too many."""

from __future__ import annotations

import os
import re
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from encoded_corpus import DIMENSIONS, by_id, features, pipeline, replace_database, write_corpus
from pictures import png

from hashcore.errors import InvalidInputError
from jobs import encode
from jobs.config.pipeline import Pipeline
from jobs.stages import codes_directory

BAD = [None, [1.0, 2.0], [float("nan")] * DIMENSIONS, [float("inf")] * DIMENSIONS]


def test_bad_rows_are_set_aside_with_their_reasons(spark, root, hasher, capsys):
    good = features(9)
    replace_database(
        root, {"id": range(13), "features": BAD[:2] + good.tolist() + BAD[2:], "labels": [[i] for i in range(13)]}
    )
    encode.run(pipeline(root, max_rejected_share=0.4))
    assert "9 codes of 12 bits, 4 rejected" in capsys.readouterr().out
    found = codes_directory.read(str(root / "codes" / "database"))
    assert by_id(found) == {row + 2: bytes(code) for row, code in enumerate(hasher.encode(good, "features"))}
    assert sorted(found.labels.values.tolist()) == list(range(2, 11))
    rejected = pq.read_table(root / "codes" / "database" / "rejected").to_pylist()
    assert sorted(row["id"] for row in rejected) == [0, 1, 11, 12]
    assert all(row["reason"] for row in rejected)


def test_rejected_rows_are_retried_alone_once_they_are_mended(spark, root, hasher):
    good = features(13)
    broken = BAD[:2] + good[2:11].tolist() + BAD[2:]
    replace_database(root, {"id": range(13), "features": broken, "labels": [[i] for i in range(13)]})
    encode.run(pipeline(root, max_rejected_share=0.4))
    replace_database(root, {"id": range(13), "features": good.tolist(), "labels": [[i] for i in range(13)]})
    again = pipeline(root, only_ids=str(root / "codes" / "database" / "rejected"))
    values = again.model_dump()
    values["paths"]["codes_database"] = str(root / "codes" / "mended")
    encode.run(Pipeline.model_validate(values))
    expected = hasher.encode(good, "features")
    assert by_id(codes_directory.read(str(root / "codes" / "mended"))) == {
        row: bytes(expected[row]) for row in (0, 1, 11, 12)
    }


def test_images_are_decoded_and_bad_ones_set_aside(spark, root, hasher):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 2, 3), np.uint8)
    good = [png(image) for image in pixels]
    bad = [None, good[0][:-30], b"", b"no image", png(np.zeros((3, 3), np.uint8))]
    items = {"id": range(9), "picture": [*good, *bad], "labels": [[1]] * 9}
    for part in ("database", "queries"):
        shutil.rmtree(root / "corpus" / part)
        write_corpus(root / "corpus" / part, items)
    encode.run(pipeline(root, modality="image", column="picture", max_rejected_share=0.6))
    found = by_id(codes_directory.read(str(root / "codes" / "queries")))
    assert found == dict(enumerate(map(bytes, hasher.encode(pixels[:, None], "image"))))
    rejected = pq.read_table(root / "codes" / "queries" / "rejected").to_pylist()
    reasons = {row["id"]: row["reason"] for row in rejected}
    assert sorted(reasons) == [4, 5, 6, 7, 8]
    assert reasons[4] == "null"
    assert "truncated" in reasons[5]
    assert "3 x 3" in reasons[8]


def test_too_many_bad_rows_fail_the_job_and_leave_a_list_of_them_alone(spark, root):
    bad = [None] * 7 + [[1.0, 2.0]] * 2
    replace_database(root, {"id": range(24), "features": [*features(15).tolist(), *bad], "labels": [[1]] * 24})
    with pytest.raises(InvalidInputError) as caught:
        encode.run(pipeline(root, max_rejected_share=0.2))
    kept = root / "codes" / "database.rejected"
    assert str(caught.value) == (
        f"{root}/corpus/database: 9 of 24 rows are bad, more than encode.max_rejected_share=0.2: null: 7 rows (ids 15, "
        f"16, 17, 18, 19, …), 2 values where 5 are needed: 2 rows (ids 22, 23); all are listed in {kept}; mend them, "
        "or go on without them by --set encode.max_rejected_share=0.375"
    )
    assert os.listdir(root / "codes") == ["database.rejected"]
    assert sorted(row["id"] for row in pq.read_table(kept).to_pylist()) == list(range(15, 24))


def test_going_on_without_the_bad_rows_is_what_the_error_says_and_removes_its_list(spark, root, capsys):
    replace_database(root, {"id": range(3), "features": [*features(2).tolist(), None], "labels": [[1]] * 3})
    with pytest.raises(InvalidInputError) as caught:
        encode.run(pipeline(root))
    key, share = re.search(r"--set encode\.(max_rejected_share)=(\S+)$", str(caught.value)).groups()
    encode.run(pipeline(root, **{key: float(share)}))
    assert "2 codes of 12 bits, 1 rejected: null: 1 row (id 2) ->" in capsys.readouterr().out
    assert sorted(os.listdir(root / "codes")) == ["database", "queries"]


def test_ids_that_the_corpus_has_not_are_named(spark, root, caplog):
    pq.write_table(pa.table({"id": [9, 8, 99, 98]}), root / "some.parquet")
    encode.run(pipeline(root, only_ids=str(root / "some.parquet")))
    assert codes_directory.read_info(str(root / "codes" / "database")).rows == 2
    said = f"corpus/database has not 2 of the ids of encode.only_ids={root}/some.parquet: 98, 99"
    assert [record.getMessage() for record in caplog.records] == [f"{root}/{said}"]


def test_ids_none_of_which_the_corpus_has_are_named(spark, root):
    pq.write_table(pa.table({"id": range(90, 99)}), root / "some.parquet")
    with pytest.raises(
        InvalidInputError, match=r"none of the 9 ids of encode\.only_ids=.*90, 91, 92, 93, 94 and 4 more;"
    ):
        encode.run(pipeline(root, only_ids=str(root / "some.parquet")))


def test_a_corpus_of_bad_rows_alone_fails_whatever_the_share(spark, root):
    replace_database(root, {"id": [1], "features": pa.array([None], pa.list_(pa.float32())), "labels": [[1]]})
    with pytest.raises(InvalidInputError, match="1 of 1 rows are bad"):
        encode.run(pipeline(root, max_rejected_share=1.0))
