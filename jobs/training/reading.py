"""The rows that training reads: items decoded to pixels or floats, bad rows left out and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashcore.columns.ids import refuse_nulls
from hashcore.errors import InvalidInputError
from hashcore.inputs import read_column
from hashcore.relevance import Labels
from jobs.corpora import reader
from jobs.training.readers import READERS
from jobs.training.source import PREFIX, Source, item_bytes, read_judgements

if TYPE_CHECKING:
    import pyarrow as pa

    from hashcore.judgements import Judgements
    from hashcore.training.data import Window
    from jobs.train import TrainConfig


def decode(table: pa.Table, source: Source) -> pa.Table:
    """Return the rows whose items are good in every modality.

    Returns:
        Columns id, `item:<modality>` (bytes of the item's array) and, where they are read, labels (list<int32>).
    """
    import pyarrow as pa

    rows = reader.canonical(table, source.read)
    refuse_nulls(rows.column("id").null_count, source.read.id, source.path)
    read = {name: read_column(rows.column(PREFIX + name), source.inputs[name]) for name in source.inputs}
    good = np.ones(len(table), bool)
    for inputs in read.values():
        good[np.setdiff1d(np.arange(len(table)), inputs.kept)] = False
    kept = pa.array(np.flatnonzero(good))
    columns = {"id": rows.column("id").take(kept)}
    for name, inputs in read.items():
        values = np.ascontiguousarray(inputs.values[good[inputs.kept]])
        buffers = [None, pa.py_buffer(values)]
        columns[PREFIX + name] = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(item_bytes(source.inputs[name])), len(kept), buffers
        )
    if source.read.labels is not None:
        columns["labels"] = rows.column("labels").take(kept)
    return pa.table(columns)


def window(table: pa.Table, source: Source, config: TrainConfig, rank: int = 0, workers: int = 1) -> Window:
    """Return decoded rows as a window, in the order of their ids, so that the order of arrival does not matter.

    Args:
        table: Decoded rows: a worker's share, or all where judgements are learned from.
        source: Of the rows.
        config: Of the training.
        rank: Which share of the judgements to take.
        workers: How many shares there are.
    """
    import torch

    from hashcore.training.data import Window

    ordered = table.sort_by("id")
    tensors = {name: torch.from_numpy(items(ordered, source, name)) for name in source.inputs}
    known = (
        _judgements(config.judgements, ordered, rank, workers)
        if config.judgements
        else Labels.from_arrow(ordered.column("labels"))
    )
    return Window(tensors, known, config.validation_share, config.seed)


def _judgements(path: str, ordered: pa.Table, rank: int, workers: int) -> Judgements:
    """Return a worker's share of the judgements of rows, as many as every other's."""
    from hashcore.judgements import from_arrow

    everything, _ = from_arrow(read_judgements(path), np.asarray(ordered.column("id")))
    if workers == 1:
        return everything
    each = len(everything) // workers
    return everything.take(np.arange(each) * workers + rank)


def items(table: pa.Table, source: Source, modality: str) -> NDArray[Any]:
    """Return the items of decoded rows in a modality, of shape (n, *shape)."""
    described, values = source.inputs[modality], table.column(PREFIX + modality).combine_chunks()
    _, data = values.buffers()
    width = values.type.byte_width
    content = np.frombuffer(data, np.uint8, len(values) * width, values.offset * width).view(described.dtype)
    return content.reshape(len(values), *described.shape).copy()


def read(source: Source, config: TrainConfig) -> pa.Table:
    """Return all good rows, decoded.

    Raises:
        InvalidInputError: If too many rows are bad.
    """
    import pyarrow as pa

    table = pa.concat_tables([decode(part, source) for part in READERS[config.reader](source)])
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
