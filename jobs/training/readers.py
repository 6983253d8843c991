"""One interface to three readers of a corpus: the one that encoding uses, the same on Ray, and petastorm.

A reader is a function from a source to its rows as Arrow tables of the source's columns, each row once, in any order:
training puts them in the order of their ids, so that the hasher is the same whoever read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from hashcore.errors import ConfigError, MissingExtraError, require
from hashcore.storage.places import is_object
from jobs.config.sections.train import ReaderName
from jobs.corpora import reader
from jobs.training.source import Source

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.dataset import Fragment
    from ray.data import Dataset

BATCH_ROWS = 4096

Reader = Callable[["Source"], "Iterator[pa.Table]"]

HOW_TO_GET_PETASTORM = (
    "petastorm is not installed, and works with pyarrow 14 and numpy 1.26 only; type make .venv-petastorm/installed, "
    "then .venv-petastorm/bin/hashcore train, or use train.reader=arrow, which reads the same rows"
)


def arrow(source: Source) -> Iterator[pa.Table]:
    """Read in this process, in the order of files and rows."""
    for file in _files(source):
        yield from read_file(source, file)


def read_file(source: Source, file: Fragment) -> Iterator[pa.Table]:
    """Read one file, as encoding does."""
    import pyarrow as pa

    for batch in reader.raw_batches(source.read, file, BATCH_ROWS):
        yield pa.Table.from_batches([batch])


def ray(source: Source) -> Iterator[pa.Table]:
    """Read on Ray, a task a file, blocks in the order of files."""
    require("ray", "train")
    from ray import data

    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    yield from on_ray(source, partial(read_file, source)).iter_batches(batch_format="pyarrow", batch_size=None)


def on_ray(source: Source, read: Callable[[Fragment], Iterator[pa.Table]]) -> Dataset:
    """Return what a function reads of each file, on Ray, a task a file."""
    from ray import data

    files = _files(source)
    numbers = data.from_items(list(range(len(files))), override_num_blocks=len(files))
    return numbers.map_batches(partial(_read_numbered, read, files), batch_format="pyarrow", batch_size=1)


def _read_numbered(
    read: Callable[[Fragment], Iterator[pa.Table]], files: list[Fragment], numbers: pa.Table
) -> Iterator[pa.Table]:
    """Read the files of some numbers."""
    for number in numbers.column(0).to_pylist():
        yield from read(files[number])


def _files(source: Source) -> list[Fragment]:
    """Return a source's files, in the order of their names."""
    return sorted(reader.opened(source.path).get_fragments(), key=lambda file: file.path)


def petastorm(source: Source) -> Iterator[pa.Table]:
    """Read by petastorm's batch reader, row group by row group.

    It drops columns of fixed-size lists, refuses lists of different lengths within a row group, and compares no
    checksums of pages.

    Raises:
        ConfigError: If a column is in the names of folders, which it does not read.
        MissingExtraError: If petastorm is not installed, with how to get it.
    """
    if find_spec("petastorm") is None:
        raise MissingExtraError(HOW_TO_GET_PETASTORM)
    named = {name for file in _files(source) for name in reader.keys(file)}
    if not named.isdisjoint(source.columns()):
        raise ConfigError(
            f"train.reader=petastorm: {source.path} has {', '.join(sorted(named))} in the names of its folders, which "
            "petastorm does not read; use train.reader=arrow"
        )
    import pyarrow as pa
    from petastorm import make_batch_reader

    urls = [file if is_object(file) else f"file://{file}" for file in source.files]
    options = {"schema_fields": source.columns(), "shuffle_row_groups": False, "reader_pool_type": "dummy"}
    with make_batch_reader(urls, num_epochs=1, **options) as groups:
        for group in groups:
            yield pa.table({name: _column(getattr(group, name)) for name in source.columns()})


def _column(values: Any) -> pa.Array:
    """Return petastorm's array of a column as Arrow's: rows of a matrix become lists."""
    import pyarrow as pa

    if values.ndim == 1:
        return pa.array(values)
    offsets = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.ascontiguousarray(values).reshape(-1)))


READERS: dict[ReaderName, Reader] = {"arrow": arrow, "ray": ray, "petastorm": petastorm}
