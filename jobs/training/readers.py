"""One interface to three readers of a corpus: the one that encoding uses, the same on Ray, and petastorm.

A reader is a function from a source to its rows as Arrow tables of the source's columns, each row once, in any order:
training puts them in the order of their ids, so that the hasher is the same whoever read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from hashcore.errors import ConfigError, MissingExtraError, require
from hashcore.storage.places import is_object
from jobs.config.sections.train import ReaderName
from jobs.corpora.formats import by_name, corpus
from jobs.corpora.formats.corpus import Part
from jobs.corpora.formats.parquet import ParquetPart, keys
from jobs.training.source import Source

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.data import Dataset

BATCH_ROWS = 4096

Reader = Callable[["Source"], "Iterator[pa.Table]"]

HOW_TO_GET_PETASTORM = (
    "petastorm is not installed, and works with pyarrow 14 and numpy 1.26 only; type make .venv-petastorm/installed, "
    "then .venv-petastorm/bin/hashcore train, or use train.reader=arrow, which reads the same rows"
)


def arrow(source: Source) -> Iterator[pa.Table]:
    """Read in this process, in the order of parts and rows."""
    for part in _parts(source):
        yield from read_part(source, part)


def read_part(source: Source, part: Part) -> Iterator[pa.Table]:
    """Read one part, as encoding does."""
    import pyarrow as pa

    for batch in corpus.raw_batches(source.read, part, BATCH_ROWS):
        yield pa.Table.from_batches([batch])


def ray(source: Source) -> Iterator[pa.Table]:
    """Read on Ray, a task a part, blocks in the order of parts."""
    require("ray", "train")
    from ray import data

    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    yield from on_ray(source, partial(read_part, source)).iter_batches(batch_format="pyarrow", batch_size=None)


def on_ray(source: Source, read: Callable[[Part], Iterator[pa.Table]]) -> Dataset:
    """Return what a function reads of each part, on Ray, a task a part."""
    from ray import data

    parts = _parts(source)
    numbers = data.from_items(list(range(len(parts))), override_num_blocks=len(parts))
    return numbers.map_batches(partial(_read_numbered, read, parts), batch_format="pyarrow", batch_size=1)


def _read_numbered(
    read: Callable[[Part], Iterator[pa.Table]], parts: Sequence[Part], numbers: pa.Table
) -> Iterator[pa.Table]:
    """Read the parts of some numbers."""
    for number in numbers.column(0).to_pylist():
        yield from read(parts[number])


def _parts(source: Source) -> Sequence[Part]:
    """Return a source's parts, in the order of the names of its files."""
    return by_name.open_corpus(source.path, source.format).parts


def petastorm(source: Source) -> Iterator[pa.Table]:
    """Read by petastorm's batch reader, row group by row group.

    It drops columns of fixed-size lists, refuses lists of different lengths within a row group, and compares no
    checksums of pages.

    Raises:
        ConfigError: If the corpus is no Parquet, or a column is in the names of folders, which it does not read.
        MissingExtraError: If petastorm is not installed, with how to get it.
    """
    if find_spec("petastorm") is None:
        raise MissingExtraError(HOW_TO_GET_PETASTORM)
    if source.format != "parquet":
        raise ConfigError(
            f"train.reader=petastorm: {source.path} is {source.format}, which petastorm does not read; use "
            "train.reader=arrow"
        )
    named = {name for part in _parts(source) if isinstance(part, ParquetPart) for name in keys(part)}
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
