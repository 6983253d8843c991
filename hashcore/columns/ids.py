"""A column as ids: whole numbers that fit int64, or keys, which are texts or bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hashcore.columns.plain import plain
from hashcore.errors import InvalidInputError

if TYPE_CHECKING:
    import pyarrow as pa

IdForm = Literal["text"]
Ids = Any  # int64 of shape (n,), or keys: an Arrow array of large_string or large_binary


def read_ids(column: pa.Array | pa.ChunkedArray, name: str, source: str) -> pa.Array:
    """Return a column's ids as int64, one a row, nulls kept.

    Args:
        column: A whole number a row, of any width.
        name: The column's, for messages.
        source: Where it is from, for messages.

    Raises:
        InvalidInputError: If it holds anything else, or a number beyond int64.
    """
    import pyarrow as pa

    array = plain(column)
    if not (pa.types.is_integer(array.type) or pa.types.is_null(array.type)):
        raise InvalidInputError(f"{source}: ids in {name} are {array.type}; number the items")
    return _int64(array, name, source)


def read_keys(column: pa.Array | pa.ChunkedArray, name: str, source: str, form: IdForm | None = None) -> pa.Array:
    """Return a column's ids as int64, string or binary, one a row, nulls kept.

    Args:
        column: A whole number of any width a row, a text, or bytes; however Arrow encodes them.
        name: The column's, for messages.
        source: Where it is from, for messages.
        form: `text`: numbers and dates become texts, whatever their width. None keeps what there is.

    Raises:
        InvalidInputError: If it holds anything else, or a number beyond int64.

    >>> import pyarrow as pa
    >>> read_keys(pa.array(["a", None, "a"]).dictionary_encode(), "url", "corpus").type
    DataType(string)
    """
    import pyarrow as pa

    array = plain(column)
    if form == "text" and _have_texts(array.type):
        return array.cast(pa.string())
    if pa.types.is_integer(array.type) or pa.types.is_null(array.type):
        return _int64(array, name, source)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return array.cast(pa.string())
    if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        return array.cast(pa.binary())
    raise InvalidInputError(
        f"{source}: ids in {name} are {array.type}; give each item a whole number, a text or bytes, or name another "
        "column"
    )


def _have_texts(kind: pa.DataType) -> bool:
    """Return whether each value of a type has one text: whole and decimal numbers, dates and times."""
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_temporal(kind))


def as_ids(column: pa.Array) -> Ids:
    """Return ids without nulls, of `read_keys`, as int64 of shape (n,), or keys as large_string or large_binary.

    >>> import pyarrow as pa
    >>> as_ids(pa.array([7, 3])), as_ids(pa.array(["a"])).type
    (array([7, 3]), DataType(large_string))
    """
    import pyarrow as pa

    if pa.types.is_integer(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False), np.int64)
    return column.cast(pa.large_string() if pa.types.is_string(column.type) else pa.large_binary())


def to_column(ids: Ids) -> pa.Array:
    """Return ids, as `as_ids` gives them, as a column of int64, string or binary."""
    import pyarrow as pa

    if isinstance(ids, np.ndarray):
        return pa.array(ids, pa.int64())
    return ids.cast(pa.string() if pa.types.is_large_string(ids.type) else pa.binary())


def ascending(ids: Ids) -> NDArray[np.int64]:
    """Return the order in which ids ascend, int64 of shape (n,); equal ones stay as they stand."""
    import pyarrow.compute as pc

    if isinstance(ids, np.ndarray):
        return np.argsort(ids, kind="stable")
    return np.asarray(pc.sort_indices(ids).to_numpy(), np.int64)


def shown(key: Any) -> int | str:
    """Return an id as people and JSON have it: bytes as hexadecimal digits.

    >>> shown(7), shown("a"), shown(bytes([1, 255]))
    (7, 'a', '0x01ff')
    """
    return f"0x{key.hex()}" if isinstance(key, bytes) else key


def refuse_nulls(count: int, name: str, source: str) -> None:
    """Raise InvalidInputError if some ids are null."""
    if count:
        raise InvalidInputError(f"{source}: {count} ids in {name} are null; give every row one")


def _int64(array: pa.Array, name: str, source: str) -> pa.Array:
    """Return whole numbers as int64."""
    import pyarrow as pa

    try:
        return array.cast(pa.int64())
    except pa.ArrowInvalid:
        raise InvalidInputError(
            f"{source}: ids in {name} go beyond int64, to {max(array.drop_null().to_pylist())}; number the items below "
            "9223372036854775808, or read ids as texts by --set corpus.id_as=text"
        ) from None
