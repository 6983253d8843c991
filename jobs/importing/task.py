"""One task of `import`: it writes codes that are read as it is said, and its rejected rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hashcore.columns.codes import codes_to_arrow
from jobs.corpora import reader
from jobs.corpora.encode_task import REJECTED, Counts, Encoded, part_file
from jobs.corpora.formats.corpus import Part
from jobs.corpora.reader import Columns
from jobs.corpora.vocabulary import numbered
from jobs.importing.decoding import Reading, decode
from jobs.stages import codes_directory
from jobs.stages.distinct import Distinct

if TYPE_CHECKING:
    import pyarrow as pa


class Work(NamedTuple):
    """Parameters that all tasks of a step share.

    Attributes:
        folder: The codes directory.
        step: Number of the step.
        columns: What is read.
        reading: How codes are read.
        batch_rows: Rows that are read at once.
        names: Of labels; None where these are numbers.
        rows_per_group: Rows of a row group.
    """

    folder: str
    step: int
    columns: Columns
    reading: Reading
    batch_rows: int
    names: tuple[str, ...] | None
    rows_per_group: int = 1 << 17


def import_share(work: Work, task: tuple[int, Sequence[Part]]) -> Counts:
    """Import the parts of a task, by its number and them, into `data/` and `rejected/`."""
    partition, parts = task
    counts = Counts.total([])
    with part_file(work, codes_directory.DATA, partition) as good, part_file(work, REJECTED, partition) as bad:
        for part in parts:
            for batch in part.batches(work.columns, work.batch_rows):
                imported = import_batch(reader.canonical(batch, work.columns), work.reading, work.names)
                good.write(imported.good)
                bad.write(imported.bad)
                counts = Counts.total([counts, imported.counts()])
    return counts


def import_batch(batch: pa.RecordBatch, reading: Reading, names: tuple[str, ...] | None = None) -> Encoded:
    """Read one record batch (id, item, labels where there are some); rows with a null id are left out.

    Args:
        batch: Of the codes' file, as `reader.canonical` gives it.
        reading: How its items are read.
        names: Of the labels; None where these are numbers.
    """
    import pyarrow as pa

    null_ids = batch.column("id").null_count
    table = pa.Table.from_batches([batch]).filter(batch.column("id").is_valid()) if null_ids else batch
    found = decode(table.column("item"), reading)
    is_whole = len(found.rows) == len(table)
    kept = table if is_whole else table.take(pa.array(found.rows))
    columns = {"id": kept.column("id"), "code": codes_to_arrow(found.codes)}
    if "labels" in table.schema.names:
        columns["labels"] = numbered(_list(kept.column("labels")), names)
    rows = pa.array(np.array([row for row, _ in found.rejected], np.int64))
    reasons = pa.array([reason for _, reason in found.rejected], pa.string())
    bad = pa.table({"id": table.column("id").take(rows), "reason": reasons})
    return Encoded(pa.table(columns), bad, null_ids, Distinct.of(found.codes))


def _list(column: pa.Array | pa.ChunkedArray) -> pa.ListArray:
    """Return a column as one array."""
    import pyarrow as pa

    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
