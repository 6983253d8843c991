"""Lists of ids, given by themselves or as a file: what to delete, or to encode once more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashcore import files
from hashcore.errors import InvalidInputError

if TYPE_CHECKING:
    import pyarrow as pa

LARGEST = (1 << 63) - 1
SHOWN = 5


def read_ids(source: str | Sequence[int], column: str) -> NDArray[np.int64]:
    """Return ids, each once, ascending.

    Args:
        source: The ids; or a Parquet file or directory, a `.csv` file with a header, or a `.txt` file of an id a line.
        column: Which one of a table.

    Raises:
        InvalidInputError: If there is no such file, or there are no whole numbers of 64 bits in that column.
    """
    if not isinstance(source, str):
        return _own(source)
    import pyarrow as pa

    if not files.exists(source):
        raise InvalidInputError(f"{source} does not exist; give a Parquet or CSV file of ids, or the ids: [17, 4]")
    try:
        return np.unique(_column(source, column).cast(pa.int64()).to_numpy())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, KeyError, OSError) as error:
        said = " ".join(str(error).split())[:200]
        raise InvalidInputError(f"{source}: no whole numbers in column {column} ({said}); name another") from None


def _own(ids: Sequence[int]) -> NDArray[np.int64]:
    """Return ids that were given by themselves."""
    beyond = [number for number in ids if not -LARGEST - 1 <= number <= LARGEST]
    if beyond:
        raise InvalidInputError(f"id {beyond[0]} does not fit into 64 bits; ids are from -2**63 to 2**63 - 1")
    return np.unique(np.array(ids, np.int64))


def _column(source: str, column: str) -> pa.ChunkedArray:
    """Return a column of a file, of a `.txt` its only one."""
    from pyarrow import csv, dataset

    system, inner = files.located(source)
    if source.endswith(".txt"):
        with system.open_input_stream(inner) as file:
            return csv.read_csv(file, csv.ReadOptions(column_names=[column])).column(0)
    kind = "csv" if source.endswith(".csv") else "parquet"
    return dataset.dataset(inner, format=kind, filesystem=system).to_table([column]).column(0)


def listed(ids: NDArray[np.int64]) -> str:
    """Return the first of some ids in words."""
    shown = ", ".join(map(str, ids[:SHOWN].tolist()))
    return shown + (f" and {len(ids) - SHOWN:,} more" if len(ids) > SHOWN else "")
