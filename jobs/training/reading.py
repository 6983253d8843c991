"""The rows that training reads: Parquet files, items decoded to pixels or floats, bad rows left out and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcore.classical.spec import LEARN_FROM_LABELS
from hashcore.errors import ConfigError, InvalidInputError
from hashcore.inputs import InputSpec, infer, read_column
from hashcore.relevance import Labels

if TYPE_CHECKING:
    import pyarrow as pa

    from hashcore.training_data import Window
    from jobs.pipeline.config import Pipeline
    from jobs.train import TrainConfig

INFER_ROWS = 256


class Source(NamedTuple):
    """A corpus to learn from.

    Attributes:
        path: Its place, for messages.
        files: Its Parquet files.
        rows: Rows in them, bad ones included.
        id: Column of ids.
        item: Column of items.
        labels: Column of labels; None where a method needs none.
        input: What an item is.
    """

    path: str
    files: tuple[str, ...]
    rows: int
    id: str
    item: str
    labels: str | None
    input: InputSpec

    def columns(self) -> list[str]:
        """Return the columns that are read."""
        return [self.id, self.item, *([self.labels] if self.labels else [])]

    def item_bytes(self) -> int:
        """Return the bytes of a decoded item."""
        return int(np.dtype(self.input.dtype).itemsize * np.prod(self.input.shape))


def find(pipeline: Pipeline) -> Source:
    """Look at the training corpus of a pipeline: its files, columns and first items.

    Raises:
        ConfigError: If it is not Parquet.
        InvalidInputError: If it is missing, empty or lacks a column, or no item can be read.
    """
    import pyarrow as pa
    from pyarrow import dataset

    path, config, train = pipeline.paths.corpus_train, pipeline.corpus, pipeline.train
    if config.format != "parquet":
        raise ConfigError(f"corpus.format={config.format}: training reads parquet; convert {path}")
    try:
        corpus = dataset.dataset(path, format="parquet")
        rows = corpus.count_rows()
    except (OSError, pa.ArrowInvalid) as error:
        raise InvalidInputError(f"{path} cannot be read as parquet ({_line(error)}); correct the path") from None
    if rows == 0:
        raise InvalidInputError(f"{path} is empty; give a corpus with at least two classes")
    learns_from_labels = train.method == "network" or train.method in LEARN_FROM_LABELS
    item, labels = train.column or train.modality, config.labels if learns_from_labels else None
    if learns_from_labels and labels is None:
        raise ConfigError(
            f"corpus.labels=null: train.method={train.method} learns from labels; name their column, or use itq"
        )
    _check_columns(path, corpus.schema, {"corpus.id": config.id, "train.column": item, "corpus.labels": labels})
    described = infer(corpus.head(INFER_ROWS, columns=[item]).column(item))
    return Source(path, tuple(corpus.files), rows, config.id, item, labels, described)


def _check_columns(path: str, schema: pa.Schema, wanted: dict[str, str | None]) -> None:
    """Raise InvalidInputError if a column that a key of the configuration names is missing."""
    for key, name in wanted.items():
        if name is not None and name not in schema.names:
            raise InvalidInputError(f"{path} has no column {name} ({key}); it has {', '.join(schema.names)}")


def decode(table: pa.Table, source: Source) -> pa.Table:
    """Return the good rows of a table as columns id, values (bytes of the item's array) and labels (list<int32>)."""
    import pyarrow as pa

    inputs = read_column(table.column(source.item), source.input)
    kept = pa.array(inputs.kept)
    values = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(source.item_bytes()), len(kept), [None, pa.py_buffer(np.ascontiguousarray(inputs.values))]
    )
    columns = {"id": table.column(source.id).take(kept).cast(pa.int64()), "values": values}
    if source.labels is not None:
        columns["labels"] = _lists(table.column(source.labels).take(kept), source)
    return pa.table(columns)


def _lists(column: pa.ChunkedArray, source: Source) -> pa.Array:
    """Return labels as lists, from lists or from single labels; a null becomes an empty list."""
    import pyarrow as pa

    array = column.combine_chunks()
    if pa.types.is_integer(array.type):
        present = np.asarray(array.is_valid())
        offsets = np.concatenate([[0], np.cumsum(present)]).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), array.drop_null().cast(pa.int32()))
    try:
        return Labels.from_arrow(array).to_arrow()
    except InvalidInputError as error:
        raise InvalidInputError(f"{source.path}, column {source.labels}: {error}") from None


def window(table: pa.Table, source: Source, config: TrainConfig) -> Window:
    """Return decoded rows as a window, in the order of their ids, so that the order of arrival does not matter."""
    import torch

    from hashcore.training_data import Window

    ordered = table.sort_by("id")
    labels = Labels.from_arrow(ordered.column("labels"))
    return Window(torch.from_numpy(items(ordered, source)), labels, config.validation_share, config.seed)


def items(table: pa.Table, source: Source) -> NDArray[Any]:
    """Return the items of decoded rows, of shape (n, *shape)."""
    values = table.column("values").combine_chunks()
    _, data = values.buffers()
    width = values.type.byte_width
    content = np.frombuffer(data, np.uint8, len(values) * width, values.offset * width).view(source.input.dtype)
    return content.reshape(len(values), *source.input.shape).copy()


def read(source: Source, config: TrainConfig) -> pa.Table:
    """Return all good rows, decoded.

    Raises:
        InvalidInputError: If too many rows are bad.
    """
    import pyarrow as pa
    from pyarrow import dataset

    corpus = dataset.dataset(list(source.files), format="parquet")
    batches = corpus.to_batches(columns=source.columns())
    table = pa.concat_tables([decode(pa.Table.from_batches([batch]), source) for batch in batches])
    judge(len(table), source, config)
    return table


def judge(good: int, source: Source, config: TrainConfig) -> None:
    """Raise InvalidInputError if too many of the rows are bad."""
    bad, limit = source.rows - good, config.max_rejected_share
    if bad > limit * source.rows or good == 0:
        raise InvalidInputError(
            f"{source.path}: {bad} of {source.rows} rows are bad, more than train.max_rejected_share={limit}; "
            "mend them, or raise the share"
        )


def _line(error: Exception) -> str:
    """Return an error's text in one line."""
    return " ".join(str(error).split())[:200]
