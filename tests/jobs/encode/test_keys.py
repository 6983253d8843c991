"""Ids may be texts or bytes, and labels names: codes, rejected rows and lists of ids keep them as they are."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from encoded_corpus import features, pipeline, replace_database, replace_part

from hashcore.errors import InvalidInputError
from jobs import encode
from jobs.stages import codes_directory, rejects

KEYS = ["b/2.jpg", "a/1.jpg", "", "über", "a" * 300, "007"]


def corpus(keys=KEYS, **columns):
    return {"id": keys, "features": features(len(keys)).tolist(), "labels": [[1]] * len(keys), **columns}


def info_of(root, part="database"):
    return json.loads((root / "codes" / part / "codes.json").read_text())


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())])
def test_keys_lie_in_the_codes_as_they_were_given(spark, root, kind):
    texts = kind != pa.binary()
    keys = KEYS if texts else [key.encode() for key in KEYS]
    replace_database(root, corpus(pa.array(keys, kind if not pa.types.is_dictionary(kind) else None)))
    encode.run(pipeline(root))
    found = codes_directory.read(str(root / "codes" / "database"))
    assert sorted(found.ids.to_pylist()) == sorted(keys)
    assert info_of(root)["keys"] == ("string" if texts else "binary")
    assert "keys" not in info_of(root, "queries")


def test_rejected_rows_are_told_and_listed_by_their_keys(spark, root, capsys):
    rows = features(6).tolist()
    rows[3] = None
    replace_database(root, corpus(features=pa.array(rows, pa.list_(pa.float32()))))
    encode.run(pipeline(root, max_rejected_share=0.5))
    assert "1 rejected: null: 1 row (id über)" in capsys.readouterr().out
    assert rejects.read(str(root / "codes" / "database" / "rejected")).column("id").to_pylist() == ["über"]


def test_keys_alone_may_be_asked_for_and_those_that_look_like_numbers_stay_texts(spark, root, caplog):
    replace_database(root, corpus())
    (root / "some.txt").write_text("007\nb/2.jpg\nnowhere, at all\n")
    encode.run(pipeline(root, only_ids=str(root / "some.txt")))
    assert sorted(codes_directory.read(str(root / "codes" / "database")).ids.to_pylist()) == ["007", "b/2.jpg"]
    assert "has not 1 of the ids of encode.only_ids" in caplog.text and "nowhere, at all" in caplog.text


WIDE = [2**64 - 1, 7]


@pytest.mark.parametrize("column", [pa.array(WIDE, pa.uint64()), pa.array(WIDE, pa.decimal128(22, 0))])
def test_numbers_beyond_64_bits_are_ids_as_texts_where_it_is_said(spark, root, column):
    replace_database(root, corpus(column))
    if pa.types.is_uint64(column.type):
        said = r"go beyond int64.*or read ids as texts by --set corpus\.id_as=text"
        with pytest.raises(InvalidInputError, match=said):
            encode.run(pipeline(root))
    encode.run(pipeline(root, {"id_as": "text"}))
    held = codes_directory.read(str(root / "codes" / "database")).ids.to_pylist()
    assert sorted(held) == ["18446744073709551615", "7"]
    assert "10" in codes_directory.read(str(root / "codes" / "queries")).ids.to_pylist()


def test_null_keys_are_refused(spark, root):
    replace_database(root, corpus(["a", None, "b", None]))
    with pytest.raises(InvalidInputError, match="2 ids in id are null; give every row one"):
        encode.run(pipeline(root))


def test_names_of_labels_are_numbered_by_their_order_and_kept(spark, root):
    names = [["dog", "cat"], ["ant"], [], None, ["cat"], ["über"]]
    replace_database(root, corpus(labels=pa.array(names)))
    replace_part(root, "queries", corpus(KEYS[:2], labels=["zebra", "cat"]))
    encode.run(pipeline(root))
    for part, known, wanted in (
        ("database", ["ant", "cat", "dog", "über"], names),
        ("queries", ["cat", "zebra"], [["zebra"], ["cat"]]),
    ):
        assert info_of(root, part)["vocabulary"] == known
        found = codes_directory.read(str(root / "codes" / part))
        keys = found.ids.to_pylist()
        held = {key: [known[label] for label in found.labels.of(row)] for row, key in enumerate(keys)}
        assert held == {key: each or [] for key, each in zip(KEYS, wanted, strict=False)}
