"""Labels keep their rows through every conversion, and masks agree with sets."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashcore.errors import InvalidInputError
from hashcore.labels import Labels

ROWS = st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4), max_size=12)
FEW_LABELS = st.lists(st.lists(st.integers(-3, 150), max_size=5), max_size=12)


def lists(labels):
    return [labels.of(row).tolist() for row in range(len(labels))]


@given(ROWS)
def test_lists_survive_the_way_through_arrow(rows):
    labels = Labels.from_arrow(Labels.from_lists(rows).to_arrow())
    assert lists(labels) == rows
    assert labels.offsets.dtype == np.int64
    assert labels.values.dtype == np.int32


def test_arrow_slices_chunks_and_null_lists_are_read_as_they_show():
    column = pa.array([[1], None, [], [2, 3], [4]], pa.list_(pa.int64()))
    assert lists(Labels.from_arrow(column[1:4])) == [[], [], [2, 3]]
    assert lists(Labels.from_arrow(pa.chunked_array([column[3:], column[:2]]))) == [[2, 3], [4], [1], []]
    assert lists(Labels.from_arrow(pa.array([[1, 2], [3, 4]], pa.list_(pa.uint8(), 2)))) == [[1, 2], [3, 4]]
    assert lists(Labels.from_arrow(pa.chunked_array([], pa.list_(pa.int32())))) == []


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (pa.array([1, 2]), "int64 but must be list<int32>"),
        (pa.array([["cat"]]), "list<item: string> but must be list<int32>"),
        (pa.array([[1, None]]), "1 labels are null"),
        (pa.array([[2**31]]), "must fit int32"),
    ],
)
def test_a_column_that_holds_no_labels_is_refused(column, why):
    with pytest.raises(InvalidInputError, match=why):
        Labels.from_arrow(column)


@pytest.mark.parametrize("rows", [[[0.5]], [["cat"]], [[2**31]], [[2**63]]])
def test_a_list_that_holds_no_labels_is_refused(rows):
    with pytest.raises(InvalidInputError, match="number the classes"):
        Labels.from_lists(rows)


@given(ROWS, st.data())
def test_take_names_rows_in_any_order_and_more_than_once(rows, data):
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8) if rows else st.just([]))
    assert lists(Labels.from_lists(rows).take(np.array(chosen, np.int64))) == [rows[i] for i in chosen]


@given(ROWS, st.integers(0, 12), st.integers(0, 14))
def test_slice_is_the_slice_of_the_list(rows, start, length):
    start = min(start, len(rows))
    assert lists(Labels.from_lists(rows).slice(start, start + length)) == rows[start : start + length]


@given(st.lists(ROWS, max_size=3))
def test_concatenate_joins_rows_in_order(parts):
    assert lists(Labels.concatenate([Labels.from_lists(part) for part in parts])) == [
        row for part in parts for row in part
    ]


@given(FEW_LABELS, FEW_LABELS)
def test_masks_share_a_bit_exactly_where_labels_meet(items, queries):
    vocabulary = Labels.from_lists(queries).vocabulary()
    item_masks = Labels.from_lists(items).to_masks(vocabulary)
    query_masks = Labels.from_lists(queries).to_masks(vocabulary)
    got = (item_masks[:, None] & query_masks[None]).any(axis=2)
    want = [[bool(set(item) & set(query)) for query in queries] for item in items]
    assert got.tolist() == want
    assert item_masks.dtype == np.uint64
    assert item_masks.shape == (len(items), max(1, -(-len(vocabulary) // 64)))


def test_the_label_at_position_i_is_bit_i_mod_64_of_word_i_div_64():
    labels = Labels.from_lists([[10], [73], [74], [10, 200]])
    vocabulary = np.arange(10, 10 + 65, dtype=np.int32)
    assert labels.to_masks(vocabulary).tolist() == [[1, 0], [1 << 63, 0], [0, 1], [1, 0]]


def test_masks_are_the_same_however_many_rows_are_set_at_once(monkeypatch):
    labels = Labels.from_lists([[i % 7, i % 90] for i in range(100)])
    whole = labels.to_masks(labels.vocabulary())
    monkeypatch.setattr("hashcore.labels.ROWS_AT_ONCE", 7)
    assert np.array_equal(labels.to_masks(labels.vocabulary()), whole)
    assert whole.any(axis=1).all()


def test_without_a_vocabulary_nothing_is_relevant():
    assert Labels.from_lists([[1], []]).to_masks(np.empty(0, np.int32)).tolist() == [[0], [0]]


@pytest.mark.parametrize("vocabulary", [[2, 1], [1, 1]])
def test_a_vocabulary_that_does_not_ascend_is_refused(vocabulary):
    with pytest.raises(InvalidInputError, match="must ascend"):
        Labels.from_lists([[1]]).to_masks(np.array(vocabulary, np.int32))


def test_a_matrix_of_0_and_1_for_each_class_is_no_lists_of_labels():
    hot = np.array([[0, 0, 1, 0], [1, 0, 0, 1]])
    with pytest.raises(
        InvalidInputError, match=r"matrix of shape \(2, 4\) of 0 and 1, as if there were one for each class"
    ):
        Labels.from_lists(hot)
    assert lists(Labels.from_lists([np.flatnonzero(row) for row in hot])) == [[2], [0, 3]]
    assert lists(Labels.from_lists(np.array([[3, 4], [0, 1]]))) == [[3, 4], [0, 1]]
    assert lists(Labels.from_lists(np.array([[0], [1]]))) == [[0], [1]]
