"""Lists of ids, given by themselves or as a file: what to delete, or to encode once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashcore.columns import ids
from hashcore.errors import InvalidInputError, one_line
from hashcore.storage import files
from jobs.corpora import reader

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 1 << 20
LARGEST = (1 << 63) - 1
SHOWN = 5


def read_ids(source: str | Sequence[int], column: str) -> NDArray[np.int64]:
    """Return ids, each once, ascending.

    Args:
        source: The ids; or a Parquet file or directory, a `.csv` file with a header, or a `.txt` file of an id a line.
        column: Which one of a table.

    Raises:
        InvalidInputError: If it cannot be read, or the column is missing or holds no ids.
        StorageError: If the storage refuses.
    """
    if not isinstance(source, str):
        return _own(source)
    if not files.exists(source):
        raise InvalidInputError(f"{source} does not exist; give a Parquet or CSV file of ids, or the ids: [17, 4]")
    read = _lines if source.endswith((".csv", ".txt")) else _parquet
    try:
        found = [ids.read_ids(array, column, source) for array in read(source, column)]
        ids.refuse_nulls(sum(array.null_count for array in found), column, source)
    except InvalidInputError as error:
        raise InvalidInputError(f"{source}: no whole numbers in column {column} ({error}); name another") from None
    return np.unique(np.concatenate([np.empty(0, np.int64), *(array.to_numpy() for array in found)]))


def _own(given: Sequence[int]) -> NDArray[np.int64]:
    """Return ids that were given by themselves."""
    beyond = [number for number in given if not -LARGEST - 1 <= number <= LARGEST]
    if beyond:
        raise InvalidInputError(f"id {beyond[0]} does not fit into 64 bits; ids are from -2**63 to 2**63 - 1")
    return np.unique(np.array(given, np.int64))


def _parquet(source: str, column: str) -> Iterator[pa.Array]:
    """Yield a column of a Parquet file or directory."""
    columns = reader.Columns(source, column, {}, None)
    for part in reader.checked(reader.opened(source), columns):
        for batch in reader.raw_batches(columns, part, ROWS_AT_ONCE):
            yield batch.column(0)


def _lines(source: str, column: str) -> Iterator[pa.Array]:
    """Yield a column of a text file; the only one of a `.txt`."""
    import pyarrow as pa
    from pyarrow import csv

    system, inner = files.located(source)
    names = [column] if source.endswith(".txt") else None
    try:
        with system.open_input_stream(inner) as file:
            yield from csv.read_csv(file, csv.ReadOptions(column_names=names)).column(column).chunks
    except (pa.ArrowInvalid, KeyError) as error:
        raise InvalidInputError(one_line(error)) from None


def listed(some: NDArray[np.int64]) -> str:
    """Return the first of some ids in words."""
    shown = ", ".join(map(str, some[:SHOWN].tolist()))
    return shown + (f" and {len(some) - SHOWN:,} more" if len(some) > SHOWN else "")
