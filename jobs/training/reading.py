"""The rows that training reads: items decoded to pixels or floats, bad rows left out and counted."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashcore.columns.ids import refuse_nulls, shown
from hashcore.errors import InvalidInputError
from hashcore.inputs.column import read_column
from hashcore.inputs.input import Inputs
from hashcore.labels import Labels
from hashcore.machine.limits import cores
from jobs.config.fingerprint import digest
from jobs.config.sections.train import TrainConfig
from jobs.corpora import reader, verdict
from jobs.corpora.vocabulary import numbered
from jobs.stages import rejects
from jobs.stages.rejects import Rejects
from jobs.telemetry.progress import Progress
from jobs.training.readers import READERS
from jobs.training.source import PREFIX, Source, item_bytes, read_judgements

if TYPE_CHECKING:
    import pyarrow as pa

    from hashcore.supervision.judgements import Judgements
    from hashcore.training.data import Window

log = logging.getLogger(__name__)


def decode(table: pa.Table, source: Source, rejected: str | None = None, threads: int = 1) -> pa.Table:
    """Return the rows whose items are good in every modality.

    Args:
        table: Rows of the corpus.
        source: Of the rows.
        rejected: Folder that keeps the others, once however often they are read; none drops them.
        threads: That decode images.

    Returns:
        Columns id, `item:<modality>` (bytes of the item's array) and, where they are read, labels (list<int32>).
    """
    import pyarrow as pa

    rows = reader.canonical(table, source.read)
    refuse_nulls(rows.column("id").null_count, source.read.id, source.path)
    read = {
        name: read_column(rows.column(PREFIX + name), spec, threads=threads) for name, spec in source.inputs.items()
    }
    reasons = _reasons(read)
    if reasons and rejected is not None:
        _set_aside(rows.column("id"), reasons, rejected)
    good = np.ones(len(table), bool)
    good[list(reasons)] = False
    kept = pa.array(np.flatnonzero(good))
    columns = {"id": rows.column("id").take(kept)}
    for name, inputs in read.items():
        values = np.ascontiguousarray(inputs.values[good[inputs.kept]])
        buffers = [None, pa.py_buffer(values)]
        columns[PREFIX + name] = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(item_bytes(source.inputs[name])), len(kept), buffers
        )
    if source.read.labels is not None:
        columns["labels"] = numbered(rows.column("labels").take(kept), source.names)
    return pa.table(columns)


def _reasons(read: Mapping[str, Inputs]) -> dict[int, str]:
    """Return by row number why a row is bad, in the first modality in which it is."""
    reasons: dict[int, str] = {}
    for name, inputs in read.items():
        for row, reason in inputs.rejected:
            reasons.setdefault(row, reason if len(read) == 1 else f"{name}: {reason}")
    return dict(sorted(reasons.items()))


def _set_aside(ids: pa.ChunkedArray, reasons: Mapping[int, str], folder: str) -> None:
    """Write rejected rows (id, reason) to a file that is named by their ids."""
    import pyarrow as pa

    mine = ids.take(pa.array(list(reasons), pa.int64()))
    rows = pa.table({"id": mine, "reason": pa.array(reasons.values(), pa.string())})
    rejects.add(rows, folder, digest([shown(key) for key in mine.to_pylist()]))


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
    supervision = (
        _judgements(config.judgements, ordered, rank, workers)
        if config.judgements
        else Labels.from_arrow(ordered.column("labels"))
    )
    return Window(tensors, supervision, config.validation_share, config.seed)


def _judgements(path: str, ordered: pa.Table, rank: int, workers: int) -> Judgements:
    """Return a worker's share of the judgements of rows, as many as every other's."""
    from hashcore.supervision.judgements import from_arrow

    table = read_judgements(path)
    everything, missing = from_arrow(table, np.asarray(ordered.column("id")))
    if missing and rank == 0:
        said = "%s: %d of %d judgements name an item that the corpus has not, or has set aside, and are left out"
        log.warning(said, path, missing, len(table))
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


def read(source: Source, config: TrainConfig, rejected: str | None = None) -> pa.Table:
    """Return all good rows, decoded; the others are kept in a folder `rejected`, if there is one.

    Raises:
        InvalidInputError: If too many rows are bad.
    """
    return _good(READERS[config.reader](source), source, config, rejected)


def read_sample(source: Source, config: TrainConfig, rejected: str | None = None) -> pa.Table:
    """Return the good rows of a sample of `train.sample_rows`, spread over the corpus; else as `read`.

    All rows are read, some at a time, and those of the sample alone are kept and decoded.
    """
    if config.sample_rows is None or source.rows <= config.sample_rows:
        return read(source, config, rejected)
    rows = spread_rows(source.rows, config.sample_rows, config.seed)
    tables = _taken(READERS[config.reader](source), rows, source.rows)
    return _good(tables, source._replace(rows=len(rows)), config, rejected)


def spread_rows(rows: int, count: int, seed: int) -> NDArray[np.int64]:
    """Return the numbers of `count` of `rows` rows, ascending: one drawn from each of as many equal parts.

    >>> spread_rows(10, 5, seed=0)
    array([1, 3, 5, 6, 8])
    """
    bounds = np.arange(count + 1) * rows // count
    return np.random.default_rng(seed).integers(bounds[:-1], bounds[1:])


def _taken(tables: Iterable[pa.Table], rows: NDArray[np.int64], total: int) -> Iterator[pa.Table]:
    """Yield of consecutive tables, of `total` rows together, the rows of these numbers; show how far reading is."""
    first = 0
    with Progress("read", total=total, unit="rows") as progress:
        for table in tables:
            start, stop = np.searchsorted(rows, [first, first + len(table)])
            if start < stop:
                yield table.take(rows[start:stop] - first)
            first += len(table)
            progress.reach(first)


def _good(tables: Iterable[pa.Table], source: Source, config: TrainConfig, rejected: str | None) -> pa.Table:
    """Return the good rows of a source's tables, decoded; arguments and errors as of `read`."""
    import pyarrow as pa

    table = pa.concat_tables([decode(part, source, rejected, cores()) for part in tables])
    if rejected is not None:
        judge_rejected(source, config, rejected)
    judge(len(table), source, config)
    return table


def judge_rejected(source: Source, config: TrainConfig, rejected: str, *, at_least: bool = False) -> None:
    """Raise InvalidInputError, with the reasons, if too many rows are in the folder of bad ones."""
    found = Rejects.of(rejects.read(rejected))
    verdict.judge(
        found,
        source.rows - found.rows,
        source=source.path,
        key="train.max_rejected_share",
        limit=config.max_rejected_share,
        place=rejected,
        at_least=at_least,
    )


def judge(good: int, source: Source, config: TrainConfig) -> None:
    """Raise InvalidInputError if too many of the rows are bad."""
    bad, limit = source.rows - good, config.max_rejected_share
    if bad > limit * source.rows or good == 0:
        raise InvalidInputError(
            f"{source.path}: {bad} of {source.rows} rows are bad, more than train.max_rejected_share={limit}; "
            "mend them, or raise the share"
        )
