"""Lists of ids, as Parquet: what to delete, or to encode once more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashcore import files
from hashcore.columns import ids
from hashcore.errors import InvalidInputError
from jobs.corpora import reader

ROWS_AT_ONCE = 1 << 20


def read_ids(source: str, column: str) -> NDArray[np.int64]:
    """Return the ids of a Parquet file or directory, each once, ascending.

    Raises:
        InvalidInputError: If it cannot be read, or the column is missing or holds no ids.
        StorageError: If the storage refuses.
    """
    if not files.exists(source):
        raise InvalidInputError(f"{source} does not exist; give a Parquet file of ids")
    columns = reader.Columns(source, column, {}, None)
    try:
        held = reader.checked(reader.opened(source), columns)
        batches = (batch for part in held for batch in reader.raw_batches(columns, part, ROWS_AT_ONCE))
        found = [ids.read_ids(batch.column(0), column, source) for batch in batches]
        ids.refuse_nulls(sum(array.null_count for array in found), column, source)
    except InvalidInputError as error:
        raise InvalidInputError(f"{source}: no whole numbers in column {column} ({error}); name another") from None
    return np.unique(np.concatenate([np.empty(0, np.int64), *(array.to_numpy() for array in found)]))
