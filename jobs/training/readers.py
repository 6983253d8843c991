"""One interface to three readers of a corpus: pyarrow.dataset, Ray Data, and petastorm.

A reader is a function from a source to its rows as Arrow tables of the source's columns, each row once, in any order:
training puts them in the order of their ids, so that the hasher is the same whoever read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hashcore import files
from hashcore.errors import MissingExtraError, require

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.fs import FileSystem

    from jobs.training.source import Source

ReaderName = Literal["arrow", "ray", "petastorm"]
Reader = Callable[["Source"], "Iterator[pa.Table]"]

HOW_TO_GET_PETASTORM = (
    "petastorm is not installed, and works with pyarrow 14 and numpy 1.26 only; type make .venv-petastorm/installed, "
    "then .venv-petastorm/bin/hashcore train, or use train.reader=arrow, which reads the same rows"
)


def arrow(source: Source) -> Iterator[pa.Table]:
    """Read by pyarrow.dataset, in the order of files and rows."""
    import pyarrow as pa
    from pyarrow import dataset

    system, places = _located(source)
    corpus = dataset.dataset(places, format="parquet", filesystem=system)
    for batch in corpus.to_batches(columns=source.columns()):
        yield pa.Table.from_batches([batch])


def ray(source: Source) -> Iterator[pa.Table]:
    """Read by Ray Data, blocks in the order of files."""
    require("ray", "train")
    from ray import data

    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    system, places = _located(source)
    corpus = data.read_parquet(places, filesystem=system, columns=source.columns(), file_extensions=None)
    yield from corpus.iter_batches(batch_format="pyarrow", batch_size=None)


def petastorm(source: Source) -> Iterator[pa.Table]:
    """Read by petastorm's batch reader, row group by row group.

    It drops columns of fixed-size lists, and refuses lists of different lengths within a row group.

    Raises:
        MissingExtraError: If petastorm is not installed, with how to get it.
    """
    if find_spec("petastorm") is None:
        raise MissingExtraError(HOW_TO_GET_PETASTORM)
    import pyarrow as pa
    from petastorm import make_batch_reader

    urls = [file if files.is_uri(file) else f"file://{file}" for file in source.files]
    options = {"schema_fields": source.columns(), "shuffle_row_groups": False, "reader_pool_type": "dummy"}
    with make_batch_reader(urls, num_epochs=1, **options) as groups:
        for group in groups:
            yield pa.table({name: _column(getattr(group, name)) for name in source.columns()})


def _located(source: Source) -> tuple[FileSystem, list[str]]:
    """Return the file system of a source's files, and the paths there."""
    return files.located(source.path)[0], [files.located(file)[1] for file in source.files]


def _column(values: Any) -> pa.Array:
    """Return petastorm's array of a column as Arrow's: rows of a matrix become lists."""
    import pyarrow as pa

    if values.ndim == 1:
        return pa.array(values)
    offsets = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.ascontiguousarray(values).reshape(-1)))


READERS: dict[ReaderName, Reader] = {"arrow": arrow, "ray": ray, "petastorm": petastorm}
