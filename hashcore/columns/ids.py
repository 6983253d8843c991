"""A column as ids: whole numbers that fit int64."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hashcore.columns.plain import plain
from hashcore.errors import InvalidInputError

if TYPE_CHECKING:
    import pyarrow as pa


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
    try:
        return array.cast(pa.int64())
    except pa.ArrowInvalid:
        raise InvalidInputError(
            f"{source}: ids in {name} go beyond int64, to {max(array.drop_null().to_pylist())}; number the items below "
            "9223372036854775808"
        ) from None


def refuse_nulls(count: int, name: str, source: str) -> None:
    """Raise InvalidInputError if some ids are null."""
    if count:
        raise InvalidInputError(f"{source}: {count} ids in {name} are null; give every row one")
