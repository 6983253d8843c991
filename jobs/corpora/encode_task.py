"""One task of `encode`: it loads the hasher once per worker, and writes its codes and its rejected rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np

from hashcore.columns.codes import codes_to_arrow
from hashcore.columns.plain import plain
from hashcore.errors import InvalidInputError
from hashcore.machine import limits
from hashcore.storage import files
from jobs.corpora.ids import kind_of
from jobs.corpora.vocabulary import numbered
from jobs.engine.tasks import task_threads
from jobs.stages import codes_directory, outputs
from jobs.stages.distinct import Distinct
from jobs.stages.parquet_files import checksums
from jobs.stages.rejects import Rejects

if TYPE_CHECKING:
    import pyarrow as pa

    from hashcore.hasher import Hasher

REJECTED = "rejected"
SCRATCH = ".scratch"
ONE_PRODUCT = ("linear", "cosine", "identity")
REPEATING = ["code", "labels.list.element", "reason"]
"""Columns that gain by a dictionary; one of ids takes 0.3 KB a row of a group and saves nothing."""


class Work(NamedTuple):
    """Parameters that all tasks of a run share."""

    folder: str
    step: int
    hasher: str
    hasher_fingerprint: str
    modality: str
    rows_per_group: int
    device: str = "cpu"
    allow: tuple[str, ...] = ()
    names: tuple[str, ...] | None = None


class Counts(NamedTuple):
    """Rows of a task, or of all: how many were encoded, or had null ids; those set aside; their distinct codes.

    `keys` is the type of their ids where these are no numbers.
    """

    encoded: int
    null_ids: int
    rejects: Rejects
    distinct: Distinct
    keys: Literal["string", "binary"] | None = None

    @property
    def rejected(self) -> int:
        """Rows set aside."""
        return self.rejects.rows

    @staticmethod
    def total(parts: Sequence[Counts]) -> Counts:
        """Add up counts."""
        return Counts(
            sum(part.encoded for part in parts),
            sum(part.null_ids for part in parts),
            Rejects.total(part.rejects for part in parts),
            Distinct.total(part.distinct for part in parts),
            next((part.keys for part in parts if part.keys), None),
        )


class Encoded(NamedTuple):
    """A record batch, encoded: (id, code, labels) of its good rows, (id, reason) of its bad ones."""

    good: pa.Table
    bad: pa.Table
    null_ids: int
    distinct: Distinct

    def counts(self) -> Counts:
        """Return the counts of the batch."""
        kind = kind_of(self.good.column("id"))
        keys = None if kind == "int64" else kind
        return Counts(len(self.good), self.null_ids, Rejects.of(self.bad), self.distinct, keys)


def encode_partition(work: Work, partition: int, batches: Iterator[pa.RecordBatch]) -> Counts:
    """Encode the record batches (id, item, labels) of a task into `data/` and `rejected/`."""
    import torch

    hasher = load_hasher(work.hasher, work.hasher_fingerprint, work.device, work.allow)
    torch.set_num_threads(task_threads() or _threads_here(hasher, work.modality))
    counts = Counts.total([])
    with part_file(work, codes_directory.DATA, partition) as good, part_file(work, REJECTED, partition) as bad:
        for batch in batches:
            encoded = encode_batch(batch, hasher, work.modality, work.names)
            good.write(encoded.good)
            bad.write(encoded.bad)
            counts = Counts.total([counts, encoded.counts()])
    return counts


def _threads_here(hasher: Hasher, modality: str) -> int:
    """Return the threads of a task that has the machine for itself: one for a single product, which others delay."""
    return 1 if hasher.modalities[modality].network.name in ONE_PRODUCT else limits.cores()


@lru_cache(maxsize=1)
def load_hasher(uri: str, fingerprint: str, device: str = "cpu", allow: tuple[str, ...] = ()) -> Hasher:
    """Return the hasher of a run, loaded once in each worker process.

    Raises:
        ConfigError: If torch cannot compute on the device.
        InvalidInputError: If another hasher lies there than when the run began, or one of a module not allowed.
    """
    from hashcore.hasher import Hasher
    from hashcore.machine.devices import check_device

    check_device(device, "encode.gpus")
    hasher = Hasher.load(uri, allow=allow)
    if hasher.fingerprint != fingerprint:
        raise InvalidInputError(
            f"{uri} changed from {fingerprint} to {hasher.fingerprint} during the run; run it again"
        )
    return hasher if device == "cpu" else hasher.on(device)


def encode_batch(batch: pa.RecordBatch, hasher: Hasher, modality: str, names: tuple[str, ...] | None = None) -> Encoded:
    """Encode one record batch (id, item, labels where the corpus has them); rows with a null id are left out.

    Args:
        batch: Of the corpus.
        hasher: Encodes the items.
        modality: Its modality that reads them.
        names: Of the labels; None where these are numbers.
    """
    import pyarrow as pa

    from hashcore.inputs.column import read_column

    null_ids = batch.column("id").null_count
    table = pa.Table.from_batches([batch]).filter(batch.column("id").is_valid()) if null_ids else batch
    inputs = read_column(
        table.column("item"), hasher.modalities[modality].input, threads=task_threads() or limits.cores()
    )
    kept = pa.array(inputs.kept, pa.int64())
    packed = hasher.encode(inputs.values, modality)
    columns = {"id": table.column("id").take(kept), "code": codes_to_arrow(packed)}
    if "labels" in table.schema.names:
        columns["labels"] = numbered(plain(table.column("labels").take(kept)), names)
    rows = pa.array(np.array([row for row, _ in inputs.rejected], np.int64))
    reasons = pa.array([reason for _, reason in inputs.rejected], pa.string())
    bad = pa.table({"id": table.column("id").take(rows), "reason": reasons})
    return Encoded(pa.table(columns), bad, null_ids, Distinct.of(packed))


def begin_step(work: Writing) -> None:
    """Remove what was left of a step where it was interrupted, and make its folders."""
    for part in (codes_directory.DATA, REJECTED):
        files.make_folder(files.join(work.folder, part))
        for left in files.listing(files.join(work.folder, part)):
            if left.rpartition("/")[2].startswith(f"part-{work.step:05}-"):
                files.remove(left)


class PartFile:
    """A Parquet file of a task, created with its first row group."""

    def __init__(self, path: str, rows_per_group: int) -> None:
        self.rows = 0
        self._path = path
        self._rows_per_group = rows_per_group
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._writer: pa.parquet.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        """Add rows; a row group is written when enough of them wait."""
        self.rows += len(table)
        self._waiting_rows += len(table)
        self._waiting.append(table)
        if self._waiting_rows >= self._rows_per_group:
            self._flush()

    def close(self) -> None:
        """Write what waits, and the footer."""
        self._flush()
        if self._writer is not None:
            self._writer.close()

    def _flush(self) -> None:
        """Write the waiting rows."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._waiting_rows:
            table = pa.concat_tables(self._waiting)
            self._writer = self._writer or pq.ParquetWriter(
                self._path, table.schema, use_dictionary=REPEATING, **checksums("write_page_checksum")
            )
            self._writer.write_table(table, row_group_size=self._rows_per_group)
        self._waiting, self._waiting_rows = [], 0


class Writing(Protocol):
    """The place of a step's files, and the rows of their row groups."""

    @property
    def folder(self) -> str:
        """The codes directory."""

    @property
    def step(self) -> int:
        """Number of the step."""

    @property
    def rows_per_group(self) -> int:
        """Rows of a row group."""


@contextmanager
def part_file(work: Writing, part: str, partition: int) -> Iterator[PartFile]:
    """Give the file of one partition; it appears whole or not at all."""
    path = files.join(work.folder, part, f"part-{work.step:05}-{partition:05}.parquet")
    with outputs.attempt(path, files.join(work.folder, SCRATCH)) as own:
        file = PartFile(own, work.rows_per_group)
        try:
            yield file
        finally:
            file.close()
