"""Lists of ids, as Parquet: what to delete, or to encode once more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashcore import files
from hashcore.errors import InvalidInputError


def read_ids(source: str, column: str) -> NDArray[np.int64]:
    """Return the ids of a Parquet file or directory, each once, ascending."""
    import pyarrow as pa
    from pyarrow import dataset

    if not files.exists(source):
        raise InvalidInputError(f"{source} does not exist; give a Parquet file of ids")
    system, inner = files.located(source)
    try:
        found = dataset.dataset(inner, format="parquet", filesystem=system).to_table([column]).column(0)
        return np.unique(found.cast(pa.int64()).to_numpy())
    except (pa.ArrowInvalid, KeyError, OSError) as error:
        said = " ".join(str(error).split())[:200]
        raise InvalidInputError(f"{source}: no whole numbers in column {column} ({said}); name another") from None
