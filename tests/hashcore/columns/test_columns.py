"""Ids and labels of every Arrow type: read with one meaning, or refused; never a second reading taken in silence."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashcore.columns.ids import as_ids, read_ids, read_keys, shown, to_column
from hashcore.columns.labels import read_labels
from hashcore.columns.plain import plain
from hashcore.errors import InvalidInputError

INTEGERS = [getattr(pa, f"{sign}int{bits}")() for sign in ("", "u") for bits in (8, 16, 32, 64)]
OTHERS = [pa.string(), pa.string_view(), pa.binary(), pa.bool_(), pa.float32(), pa.date32(), pa.timestamp("s")]
OTHERS += [pa.decimal128(20, 0), pa.duration("s"), pa.list_(pa.float64()), pa.list_(pa.string()), pa.uuid()]
TEXTS = [pa.string(), pa.large_string(), pa.string_view()]
NAMES = [pa.string(), pa.string_view(), pa.list_(pa.string())]
OTHERS += [pa.struct({"a": pa.int64()}), pa.map_(pa.string(), pa.int64()), pa.time32("s")]
LISTS = [pa.list_, pa.large_list, pa.list_view, pa.large_list_view]


def dictionary(array):
    return array.dictionary_encode()


def run_ends(array):
    return pc.run_end_encode(array)


def chunked(array):
    return pa.chunked_array([array[:1], array[1:]])


ENCODINGS = [lambda array: array, dictionary, run_ends, chunked]


@given(st.lists(st.none() | st.integers(0, 100), max_size=6), st.sampled_from(INTEGERS), st.sampled_from(ENCODINGS))
def test_whole_numbers_are_ids_and_labels_whatever_their_width_and_encoding(values, kind, encode):
    column = encode(pa.array(values, kind))
    assert read_ids(column, "id", "corpus").equals(pa.array(values, pa.int64()))
    wanted = [[] if value is None else [value] for value in values]
    assert read_labels(column, "label", "corpus").equals(pa.array(wanted, pa.list_(pa.int32())))


@given(
    st.lists(st.none() | st.lists(st.integers(2, 100), max_size=3), max_size=5),
    st.sampled_from(INTEGERS),
    st.sampled_from(LISTS),
    st.booleans(),
)
def test_lists_of_whole_numbers_are_labels_whatever_keeps_them(values, kind, lists, in_dictionary):
    array = pa.array(values, pa.list_(kind))
    if in_dictionary:
        flat = array.flatten().dictionary_encode()
        array = pa.ListArray.from_arrays(pa.array([*array.offsets[:-1].to_pylist(), len(flat)], pa.int32()), flat)
    else:
        array = pa.array(values, lists(kind))
    found = read_labels(array, "labels", "corpus").to_pylist()
    assert found == [value or [] for value in values]


@pytest.mark.parametrize("kind", OTHERS, ids=str)
def test_what_is_no_whole_number_is_neither_id_nor_label(kind):
    for read, text in ((read_ids, "number the items"), (read_labels, "number the classes")):
        if read is read_labels and kind in NAMES:
            continue
        with pytest.raises(InvalidInputError, match=rf"corpus: .* in x are .*; {text}"):
            read(pa.nulls(1, kind), "x", "corpus")


@pytest.mark.parametrize("kind", [*TEXTS, pa.dictionary(pa.int8(), pa.string())], ids=str)
def test_names_are_labels_and_texts_are_ids_however_they_are_encoded(kind):
    column = pa.array(["cat", None, "dog"], pa.string())
    column = column.dictionary_encode() if pa.types.is_dictionary(kind) else column.cast(kind)
    labels, keys = read_labels(column, "label", "corpus"), read_keys(column, "id", "corpus")
    assert labels.type == pa.list_(pa.string()) and labels.to_pylist() == [["cat"], [], ["dog"]]
    assert keys.type == pa.string() and keys.to_pylist() == ["cat", None, "dog"]
    assert as_ids(keys.drop_null()).type == pa.large_string()
    assert to_column(as_ids(keys.drop_null())).equals(keys.drop_null())


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(2)])
def test_bytes_are_ids(kind):
    keys = read_keys(pa.array([b"ab", None], kind), "id", "corpus")
    assert keys.type == pa.binary() and keys.to_pylist() == [b"ab", None]
    assert shown(keys[0].as_py()) == "0x6162"


def test_lists_of_names_are_labels_and_a_null_among_them_is_refused():
    found = read_labels(pa.array([["cat", "dog"], None, []]), "label", "corpus")
    assert found.to_pylist() == [["cat", "dog"], [], []]
    with pytest.raises(InvalidInputError, match="1 labels are null"):
        read_labels(pa.array([["cat", None]]), "label", "corpus")


def test_numbers_beyond_what_is_kept_are_refused_and_named():
    with pytest.raises(InvalidInputError, match=r"ids in id go beyond int64, to 9223372036854775808"):
        read_ids(pa.array([1, 2**63], pa.uint64()), "id", "corpus")
    for column in (pa.array([1, 2**31]), pa.array([[2**31]]), pa.array([[2**63]], pa.list_(pa.uint64()))):
        with pytest.raises(InvalidInputError, match=r"labels in l span .* but must fit int32"):
            read_labels(column, "l", "corpus")


@pytest.mark.parametrize("kind", [pa.null(), pa.list_(pa.null())])
def test_a_column_that_never_had_a_label_is_one_without_labels(kind):
    assert read_labels(pa.nulls(3, kind), "l", "corpus").to_pylist() == [[], [], []]


HOT = [[0, 0, 1, 0], [1, 0, 0, 1], [0, 1, 0, 0]]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(HOT),
        pa.array([*HOT, None]),
        pa.array(HOT, pa.list_(pa.uint8(), 4)),
        pa.array([[1, -1, -1], [-1, 1, -1]]),
        pa.array([[0, 1], [1, 0]]),
        pa.array([[0, 0]]),
        pa.array([[1, 1, 1]]),
    ],
    ids=str,
)
def test_lists_that_may_be_hot_are_refused_until_it_is_said_what_they_are(column):
    with pytest.raises(InvalidInputError, match=r"--set corpus\.labels_as=hot or --set corpus\.labels_as=numbers"):
        read_labels(column, "labels", "corpus")
    rows = column.to_pylist()
    numbers = read_labels(column, "labels", "corpus", "numbers").to_pylist()
    assert numbers == [row or [] for row in rows]
    hot = read_labels(column, "labels", "corpus", "hot").to_pylist()
    assert hot == [[place for place, value in enumerate(row or []) if value == 1] for row in rows]


@pytest.mark.parametrize("rows", [[[0, 1], [0, 1]], [[0], [1]], [[0, 1], [1, 0, 2]], [[0, 1], []], [[1, 0], [0, 1, 1]]])
def test_lists_that_are_numbers_of_classes_are_read_as_such(rows):
    assert read_labels(pa.array(rows), "labels", "corpus").to_pylist() == rows


@given(st.integers(1, 70), st.integers(0, 5), st.data())
def test_hot_lists_give_the_classes_that_are_set(classes, rows, data):
    hot = data.draw(st.lists(st.lists(st.booleans(), min_size=classes, max_size=classes), min_size=rows, max_size=rows))
    for kind in (pa.bool_(), pa.uint8(), pa.float32()):
        column = pa.array(np.array(hot, np.uint8).reshape(rows, classes).tolist(), pa.list_(pa.uint8()))
        column = column.cast(pa.list_(kind))
        found = read_labels(column, "labels", "corpus", "hot").to_pylist()
        assert found == [[place for place, value in enumerate(row) if value] for row in hot]


@pytest.mark.parametrize(
    "column",
    [pa.array([1]), pa.array([[0, 2]]), pa.array([[0, 1], [1]]), pa.array([["a"]]), pa.array([[0.5]])],
    ids=str,
)
def test_what_is_said_to_be_hot_and_is_not_is_refused(column):
    with pytest.raises(InvalidInputError, match=r"labels_as=numbers"):
        read_labels(column, "labels", "corpus", "hot")


def test_a_null_within_a_list_of_labels_is_refused():
    with pytest.raises(InvalidInputError, match="1 labels are null; drop them"):
        read_labels(pa.array([[3, None]]), "labels", "corpus")


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array(["a", "b"], pa.string_view()), pa.string()),
        (pa.array([b"a"], pa.binary_view()), pa.binary()),
        (pa.array([b"ab"], pa.binary(2)), pa.binary()),
        (pa.array([["a", "a"]], pa.list_(pa.string_view())), pa.large_list(pa.string())),
        (pa.array([["a"], None], pa.list_view(pa.string())), pa.large_list(pa.string())),
        (pa.array([["a", "b"]], pa.list_(pa.string(), 2)), pa.list_(pa.string(), 2)),
    ],
    ids=str,
)
def test_encodings_are_taken_off_and_values_kept(column, kind):
    assert plain(column).type == kind
    assert plain(column).to_pylist() == column.to_pylist()
    assert plain(column.dictionary_encode() if not pa.types.is_nested(column.type) else column).type == kind
