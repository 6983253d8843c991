"""Judgements of items by their ids, read as pairs or triplets of rows that need no labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashcore.columns.ids import read_ids
from hashcore.columns.plain import plain
from hashcore.errors import InvalidInputError
from hashcore.labels import Labels
from hashcore.supervision.batch import Rows
from hashcore.supervision.pairs import JudgedPairs
from hashcore.supervision.triplets import JudgedTriplets

if TYPE_CHECKING:
    import pyarrow as pa

PAIR_COLUMNS = ("left", "right", "similar")
TRIPLET_COLUMNS = ("anchor", "positive", "negative")

Judgements = JudgedPairs | JudgedTriplets
Supervision = Labels | Judgements


def from_arrow(table: pa.Table, ids: Rows) -> tuple[Judgements, int]:
    """Read judgements of items by their ids: columns left, right, similar, or anchor, positive, negative.

    Args:
        table: One judgement a row.
        ids: Id of each row that the result numbers, ascending, int64 of shape (n,).

    Returns:
        The judgements all of whose items are there, and how many were left out.

    Raises:
        InvalidInputError: If the columns are others, hold nulls, or no judgement is left.
    """
    names = next((c for c in (PAIR_COLUMNS, TRIPLET_COLUMNS) if set(c) <= set(table.schema.names)), None)
    if names is None:
        raise InvalidInputError(
            f"judgements have columns {', '.join(table.schema.names)}; give {', '.join(PAIR_COLUMNS)} for pairs or "
            f"{', '.join(TRIPLET_COLUMNS)} for triplets"
        )
    columns = [table.column(name) for name in names]
    if any(column.null_count for column in columns):
        raise InvalidInputError("judgements hold nulls; drop those rows")
    of_items = columns[:2] if names is PAIR_COLUMNS else columns
    items = [read_ids(column, name, "judgements").to_numpy() for name, column in zip(names, of_items, strict=False)]
    rows = [np.searchsorted(ids, item).clip(max=len(ids) - 1) for item in items]
    known = np.logical_and.reduce([ids[row] == item for row, item in zip(rows, items, strict=True)])
    if not known.any():
        raise InvalidInputError(f"none of the {len(table)} judgements names two items of the corpus; compare their ids")
    kept = [row[known] for row in rows]
    missing = int((~known).sum())
    if names is PAIR_COLUMNS:
        return JudgedPairs(kept[0], kept[1], _similar(columns[2])[known]), missing
    return JudgedTriplets(*kept), missing


def _similar(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Return whether pairs are similar, as true and false or 1 and 0 say.

    Raises:
        InvalidInputError: If another value stands there, such as −1, which is as true as 1 to a computer.
    """
    import pyarrow as pa

    array = plain(column)
    if not (pa.types.is_boolean(array.type) or pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
        raise InvalidInputError(f"judgements say similar as {array.type}; give true and false, or 1 and 0")
    values = array.to_numpy(zero_copy_only=False)
    others = values[~np.isin(values, (0, 1))]
    if len(others):
        raise InvalidInputError(f"judgements say similar={others[0]}; give true and false, or 1 and 0")
    return np.asarray(values, np.bool_)
