"""Places as users write them: one parser for every function that takes one, and one line for what is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import indexer
from hashcore.errors import InvalidInputError
from hashcore.storage import files
from hashcore.storage.places import is_object, place


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("s3://b", "s3://b"),
        ("s3://b/", "s3://b"),
        ("S3A://b/x/", "s3://b/x"),
        ("s3n://b/x", "s3://b/x"),
        ("file:///data/a%20b", "/data/a b"),
        ("file:/data/a", "/data/a"),
        ("File://localhost/data", "/data"),
        ("~", os.path.expanduser("~")),
        ("~/x", os.path.expanduser("~/x")),
        ("./~", "./~"),
        ("a/b", "a/b"),
        (Path("/a/b"), "/a/b"),
    ],
)
def test_a_place_has_one_form_however_it_is_written(written, read):
    assert place(written) == read == place(read)
    assert is_object(written) == read.startswith("s3://")


WRONG = {
    "s3://b//x": "has an empty name",
    "s3://b/x/../y": "has an empty name",
    "s3://": "names no bucket; use s3://bucket/prefix",
    "s3:/b/x": "names no bucket; use s3://bucket/prefix",
    "gs://b/x": "gs:// is not read here; a path, file:///… and s3://bucket/… are",
    "hdfs://name:9000/x": "hdfs:// is not read here",
    "https://host/x": "https:// is not read here",
    "file://host/x": "names the machine host; write file:///host/x",
    "file:///a%00b": "holds a control character",
    "a\nb": "holds a control character",
    "": "an empty text is no place",
    "  ": "an empty text is no place",
    "$SCRATCH/x": "variables are not replaced here; write out the path, or ./$SCRATCH/x",
    "~nobody-of-that-name/x": "is the home of nobody here",
    "name-\udcff": "is no UTF-8; rename the file or its folder",
}


@pytest.mark.parametrize("written", WRONG, ids=range(len(WRONG)))
@pytest.mark.parametrize("reads", [place, files.located, files.exists, files.listing, files.read_bytes, indexer.open])
def test_what_is_no_place_is_refused_alike_by_all_in_one_line(written, reads):
    with pytest.raises(InvalidInputError) as caught:
        reads(written)
    assert WRONG[written] in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_place_or_refused_in_one_line(text):
    try:
        read = place(text)
    except InvalidInputError as error:
        read = str(error)
    else:
        assert place(read) == read
    assert "\n" not in read
