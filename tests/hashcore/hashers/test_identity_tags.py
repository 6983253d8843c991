"""Tags become codes whose bits are the tags, and are refused where they cannot."""

import numpy as np
import pyarrow as pa
import pytest

from hashcore import codes
from hashcore.errors import InvalidInputError
from hashcore.hasher import Hasher
from hashcore.hashers import identity_tags
from hashcore.inputs.column import read_column
from hashcore.inputs.tags import TagInput, describe_tags


def test_numbered_tags_are_the_bits_of_a_sparse_code(tmp_path):
    column = pa.array([[0, 9], [3], [], [9, 3, 3]])
    hasher = identity_tags.fit(column)
    hasher.save(str(tmp_path / "hasher"))
    loaded = Hasher.load(str(tmp_path / "hasher"))
    assert loaded.kind == "sparse" and loaded.code_length == 10 and loaded.fingerprint == hasher.fingerprint
    inputs = read_column(column, loaded.modalities["tags"].input)
    bits = codes.unpack(loaded.encode(inputs.values, "tags"), 10)
    assert [np.flatnonzero(row).tolist() for row in bits] == [[0, 9], [3], [], [3, 9]]


def test_the_most_frequent_strings_make_the_vocabulary_and_others_are_left_out():
    hasher = identity_tags.fit(pa.array([["sea", "sky"], ["sky"], None, ["dog", "sky", "sea"]]), modality="words")
    spec = hasher.modalities["words"].input
    assert isinstance(spec, TagInput) and spec.vocabulary == ("sky", "sea", "dog") and hasher.code_length == 8
    inputs = read_column(pa.array([["dog", "cat", None], ["sky"], None]), spec)
    assert inputs.kept.tolist() == [0, 1] and inputs.rejected == [(2, "null")]
    bits = codes.unpack(hasher.encode(inputs.values, "words"), 8)
    assert [np.flatnonzero(row).tolist() for row in bits] == [[2], [0]]


def test_only_4096_strings_are_kept():
    many = pa.array([[f"{i:05}" for i in range(5000)], ["04999"]])
    spec = describe_tags(many)
    assert spec.dimensions == 4096 and spec.vocabulary is not None and spec.vocabulary[:2] == ("04999", "00000")


def test_a_row_with_an_unknown_number_is_bad():
    read = read_column(pa.array([[1], [12, 8], [-1], [0, 7]]), TagInput(dimensions=8))
    assert read.kept.tolist() == [0, 3] and read.values.sum(axis=1).tolist() == [1, 2]
    assert read.rejected == [(1, "tag 8 where tags are 0..7"), (2, "tag -1 where tags are 0..7")]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([[5000]]), "tags are numbered 5000 to 5000; number them 0..4095"),
        (pa.array([[-1, 3]]), "tags are numbered -1 to 3"),
        (pa.array([[], None], pa.list_(pa.string())), "no row has a tag"),
        (pa.array([[0.5]]), r"tags are list<item: double> but must be lists of strings or of whole numbers"),
    ],
)
def test_what_is_no_tag_corpus_is_refused(column, message):
    with pytest.raises(InvalidInputError, match=message):
        identity_tags.fit(column)


def test_strings_for_a_hasher_of_numbers_are_refused():
    with pytest.raises(InvalidInputError, match="made for the other of strings and numbers"):
        read_column(pa.array([["sea"]]), TagInput(dimensions=8))
