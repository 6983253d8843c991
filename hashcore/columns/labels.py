"""A column as labels: a class a row, a list of classes, or a 0 or 1 for each class where it is said so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import offsets_of
from hashcore.columns.hot import may_be_hot
from hashcore.columns.plain import is_list, plain
from hashcore.errors import InvalidInputError
from hashcore.labels import Labels

if TYPE_CHECKING:
    import pyarrow as pa

LabelForm = Literal["numbers", "hot"]


def read_labels(
    column: pa.Array | pa.ChunkedArray, name: str, source: str, form: LabelForm | None = None
) -> pa.ListArray:
    """Return a column's labels as list<int32>, or list<string> where they are names; a null is a row without labels.

    Args:
        column: One whole number a row, or a list of them; or a name, or a list of names.
        name: The column's, for messages.
        source: Where it is from, for messages.
        form: `numbers` of classes, or `hot`: a 0 or 1 for each class. None takes numbers, and refuses what may be hot.

    Raises:
        InvalidInputError: If it holds anything else, a null within a list, a number beyond int32, or lists that may be
            hot where the form is not said.

    >>> import pyarrow as pa
    >>> read_labels(pa.array([3, None]), "label", "corpus").to_pylist()
    [[3], []]
    >>> read_labels(pa.array([[0, 0, 1, 0], [1, 0, 0, 1]]), "label", "corpus", "hot").to_pylist()
    [[2], [0, 3]]
    >>> read_labels(pa.array(["cat", None]), "label", "corpus").to_pylist()
    [['cat'], []]
    """
    import pyarrow as pa

    array, where = plain(column), f"{source}: labels in {name}"
    if form == "hot":
        return _of_hot(array, where).to_arrow()
    if pa.types.is_null(array.type) or (is_list(array.type) and pa.types.is_null(array.type.value_type)):
        array = array.cast(pa.list_(pa.int32()))  # no row has a label
    if pa.types.is_integer(array.type):
        present = np.asarray(array.is_valid())
        offsets = offsets_of(present)
        return Labels(offsets, _int32(array.drop_null().to_numpy(zero_copy_only=False), where)).to_arrow()
    if _are_names(array.type):
        return _lists_of(array.is_valid(), array.drop_null())
    if is_list(array.type) and _are_names(array.type.value_type):
        offsets, values = _lists(array, where)
        return _lists_of(np.diff(offsets), pa.array(values, pa.string()))
    if not is_list(array.type) or not pa.types.is_integer(array.type.value_type):
        raise InvalidInputError(f"{where} are {array.type}; number the classes, or name them")
    offsets, values = _lists(array, where)
    if form is None and may_be_hot(np.diff(offsets), values):
        raise InvalidInputError(
            f"{where} are lists of {np.diff(offsets).max()} values, all 0 and 1: a 0 or 1 for each class, or numbers "
            "of classes? Say --set corpus.labels_as=hot or --set corpus.labels_as=numbers"
        )
    return Labels(offsets, _int32(values, where)).to_arrow()


def _are_names(kind: pa.DataType) -> bool:
    """Return whether labels of a type are names."""
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _lists_of(counts: Any, names: pa.Array) -> pa.ListArray:
    """Return names as list<string>, so many a row."""
    import pyarrow as pa

    offsets = pa.array(offsets_of(np.asarray(counts)).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, names.cast(pa.string()))


def _of_hot(array: pa.Array, where: str) -> Labels:
    """Return the numbers of the classes that lists of 0 and 1 say."""
    import pyarrow as pa

    if not is_list(array.type):
        raise InvalidInputError(f"{where} are {array.type}, no lists of 0 and 1; say --set corpus.labels_as=numbers")
    value = array.type.value_type
    if not (pa.types.is_boolean(value) or pa.types.is_integer(value) or pa.types.is_floating(value)):
        raise InvalidInputError(f"{where} are {array.type}, no lists of 0 and 1; say --set corpus.labels_as=numbers")
    offsets, values = _lists(array, where)
    lengths = np.unique(np.diff(offsets)[np.diff(offsets) > 0])
    if len(lengths) > 1 or not (np.isin(values, (0, 1)).all() or np.isin(values, (-1, 1)).all()):
        raise InvalidInputError(
            f"{where} are said to be a 0 or 1 for each class, but have {len(lengths)} lengths, and values such as "
            f"{sorted(set(values.tolist()))[:4]}; say --set corpus.labels_as=numbers, or mend them"
        )
    places = np.arange(len(values)) - np.repeat(offsets[:-1], np.diff(offsets))
    are_set = values == 1
    counts = np.add.reduceat(np.append(are_set, False).astype(np.int64), offsets[:-1]) * (np.diff(offsets) > 0)
    starts = offsets_of(counts)
    return Labels(starts, places[are_set].astype(np.int32))


def _lists(array: pa.Array, where: str) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the offsets of the lists, and all values."""
    import pyarrow.compute as pc

    values = pc.list_flatten(array)
    if values.null_count:
        raise InvalidInputError(
            f"{where}: {values.null_count} labels are null; drop them, or leave the row's list empty"
        )
    counts = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    offsets = offsets_of(counts)
    return offsets, values.to_numpy(zero_copy_only=False)


def _int32(values: NDArray[Any], where: str) -> NDArray[np.int32]:
    """Return labels as int32."""
    bounds = np.iinfo(np.int32)
    if len(values) and not bounds.min <= int(values.min()) <= int(values.max()) <= bounds.max:
        raise InvalidInputError(f"{where} span {values.min()}..{values.max()} but must fit int32; number the classes")
    return values.astype(np.int32)
