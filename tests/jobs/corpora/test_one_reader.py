"""One reader of a corpus: what training sees is what encoding sees, or both refuse it in the same line."""

from __future__ import annotations

import os
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import training_corpus
from both_readers import FEATURES, IDS, encoded, pipeline, table, trained, write
from hypothesis import given
from hypothesis import strategies as st

from hashcore.errors import InvalidInputError
from jobs.corpora.ids import read_ids
from jobs.training import reading
from jobs.training.source import find


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("one")


NUMBERS = [pa.int8(), pa.uint8(), pa.int32(), pa.int64(), pa.uint64(), pa.dictionary(pa.int8(), pa.int64())]
KINDS = [*NUMBERS, pa.string(), pa.float64(), pa.bool_(), pa.date32(), pa.decimal128(5, 0), pa.null()]
LABELS = [*KINDS, pa.list_(pa.int64()), pa.large_list(pa.uint64()), pa.list_(pa.string()), pa.list_(pa.null())]


def array(kind, fitting):
    """Return six values of a type, the fitting numbers where it can hold them."""
    if pa.types.is_null(kind) or (pa.types.is_nested(kind) and pa.types.is_null(kind.value_type)):
        return pa.nulls(6, kind)
    if pa.types.is_nested(kind):
        return pa.array([[str(each)] if pa.types.is_string(kind.value_type) else [each] for each in fitting], kind)
    if pa.types.is_dictionary(kind):
        return pa.array(fitting, pa.int64()).dictionary_encode()
    text = {pa.string(): str, pa.bool_(): bool}.get(kind, lambda each: each)
    return pa.array([text(each) for each in fitting], kind)


def called(kind):
    """Return what values of a type are to a reader of ids or labels."""
    if pa.types.is_nested(kind):
        return called(kind.value_type)
    if kind in (pa.null(), pa.string()):
        return "nothing" if pa.types.is_null(kind) else "texts"
    return "numbers" if kind in NUMBERS else "others"


@given(st.sampled_from(KINDS), st.sampled_from(LABELS), st.sampled_from(KINDS), st.sampled_from(LABELS))
def test_ids_and_labels_of_any_types_are_the_same_to_both_or_refused_by_both_in_one_line(
    root, ids, labels, other_ids, other_labels
):
    more = [row + 60 for row in IDS]
    write(
        root,
        table(array(ids, IDS), array(labels, [1, 2] * 3)),
        table(array(other_ids, more), array(other_labels, [3, 4] * 3)),
    )
    found, also = trained(pipeline(root)), encoded(pipeline(root))
    if isinstance(found, str) and "are null" in found:  # encoding counts the nulls of all files, training of one
        found, also = (re.sub(r"\d+ ids", "some ids", each) for each in (found, also))
    assert found == also
    of_ids, of_labels = [{called(kind) for kind in each} for each in ((ids, other_ids), (labels, other_labels))]
    are_labels = of_labels - {"nothing"} in (set(), {"numbers"}, {"texts"})
    assert isinstance(found, list) == (of_ids in ({"numbers"}, {"texts"}) and are_labels)
    if isinstance(found, list):
        assert [row for row, _ in found] == sorted([*IDS, *more] if of_ids == {"numbers"} else map(str, [*IDS, *more]))
    else:
        assert "\n" not in found


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ids": [float(each) for each in IDS]}, "ids in id are double; give each item a whole number, a text or"),
        ({"ids": pa.array([2**63, 1, 2, 3, 4, 5], pa.uint64())}, "ids in id go beyond int64, to 9223372036854775808"),
        ({"ids": [1, None, 3, 4, None, 6]}, "2 ids in id are null; give every row one"),
        ({"labels": [2**31, 1, 2, 3, 4, 5]}, "labels in labels span 1..2147483648 but must fit int32"),
        ({"labels": [[1, None]] * 6}, "labels in labels: .* labels are null; drop them"),
        ({"labels": [[0, 0, 1]] * 6}, "labels in labels are lists of 3 values, all 0 and 1: .*corpus.labels_as=hot"),
        ({"labels": None}, r"has no column labels \(corpus\.labels\); it has id, features; use --set"),
    ],
)
def test_what_is_wrong_is_said_in_the_same_line_by_both(tmp_path, changed, message):
    write(tmp_path, table(**changed))
    found = trained(pipeline(tmp_path))
    assert found == encoded(pipeline(tmp_path))
    assert re.search(message, found)


@pytest.mark.parametrize("first", [0, 1])
def test_a_file_without_labels_beside_one_that_has_them_is_refused_whichever_comes_first(tmp_path, first):
    held = [table(), table(ids=[row + 60 for row in IDS], labels=None)]
    write(tmp_path, held[first], held[1 - first])
    found = trained(pipeline(tmp_path))
    assert found == encoded(pipeline(tmp_path))
    assert f"{1 - first}.parquet, a file of" in found and "has no column labels (corpus.labels)" in found


def test_hot_labels_are_read_where_they_are_said_to_be(tmp_path):
    write(tmp_path, table(labels=[[0, 1, 0], [1, 0, 1]] * 3))
    found = trained(pipeline(tmp_path, labels_as="hot"))
    assert found == encoded(pipeline(tmp_path, labels_as="hot"))
    assert found[:2] == [(10, [0, 2]), (20, [0, 2])] and found[-1] == (60, [1])


def test_labels_that_are_the_names_of_folders_are_read_by_both(tmp_path):
    write(tmp_path, table(labels=None), table([1, 2, 3, 4, 5, 6], labels=None), name="class={}/part.parquet")
    found = trained(pipeline(tmp_path, labels="class"))
    assert found == encoded(pipeline(tmp_path, labels="class"))
    assert found == sorted([(row, [0]) for row in IDS] + [(row, [1]) for row in range(1, 7)])


def test_rows_below_a_folder_without_a_class_have_no_label(tmp_path):
    folder = write(tmp_path, table(labels=None), table([7, 8, 9, 1, 2, 3], labels=None), name="class={}/part.parquet")
    os.rename(folder / "class=1", folder / "class=__HIVE_DEFAULT_PARTITION__")
    found = trained(pipeline(tmp_path, labels="class"))
    assert found == encoded(pipeline(tmp_path, labels="class"))
    assert found == sorted([*((row, [0]) for row in IDS), *((row, []) for row in (7, 8, 9, 1, 2, 3))])


@pytest.mark.parametrize(
    ("name", "labels", "said"),
    [
        ("labels={}/x.parquet", pa.array([1, 2] * 3, pa.int32()), "has two columns labels (corpus.labels)"),
        ("labels={}/x.parquet", pa.array([1, 2] * 3), "Field labels has incompatible types"),
    ],
)
def test_names_of_folders_that_are_no_labels_are_refused_by_both(tmp_path, name, labels, said):
    write(tmp_path, table(labels=labels), name=name)
    given = pipeline(tmp_path)
    found = trained(given)
    assert found == encoded(given)
    assert said in found


def test_names_of_folders_are_names_of_labels_to_both(tmp_path):
    write(tmp_path, table(labels=None), table([1, 2, 3, 4, 5, 6], labels=None), name="labels=a{}/x.parquet")
    found = trained(pipeline(tmp_path))
    assert found == encoded(pipeline(tmp_path))
    assert found == sorted([(row, [0]) for row in IDS] + [(row, [1]) for row in range(1, 7)])


@pytest.mark.parametrize("column", ["ids", "labels"])
def test_texts_beside_numbers_are_refused_by_both_and_the_files_named(tmp_path, column):
    write(tmp_path, table(), table(**{column: ["a", "b", "c", "d", "e", "f"]}))
    found = trained(pipeline(tmp_path))
    assert found == encoded(pipeline(tmp_path))
    said = rf"train: {column} are numbers in .*/0\.parquet and texts in .*/1\.parquet; write them alike"
    assert re.search(said, found)


@pytest.mark.parametrize("values", [["1", "2"], [1.0, 2.0], [True, False], [2**63, 1], [1, None]])
def test_lists_of_ids_are_read_as_the_ids_of_a_corpus_are(tmp_path, values):
    kind = pa.uint64() if 2**63 in values else None
    pq.write_table(pa.table({"id": pa.array(values, kind)}), tmp_path / "gone.parquet")
    with pytest.raises(InvalidInputError, match=r"gone\.parquet: no whole numbers in column id \(.*ids in id"):
        read_ids(str(tmp_path / "gone.parquet"), "id")
    pq.write_table(pa.table({"id": pa.array([7, 3, 7], pa.uint8())}), tmp_path / "good.parquet")
    assert read_ids(str(tmp_path / "good.parquet"), "id").tolist() == [3, 7]


@pytest.mark.parametrize("modality", ["id", "labels"])
def test_a_modality_may_be_called_as_a_column_is(tmp_path, modality):
    write(tmp_path, table())
    given = training_corpus.pipeline(tmp_path, modality=modality, column="features")
    held = reading.read(find(given), given.train)
    assert sorted(held.column("id").to_pylist()) == sorted(IDS)
    assert sorted(reading.items(held, find(given), modality).tolist()) == sorted(FEATURES)
