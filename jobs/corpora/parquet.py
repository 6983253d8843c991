"""A corpus of Parquet files, read by Arrow within the tasks: only file names and row groups pass through Spark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from hashcore.errors import InvalidInputError
from hashcore.files import located
from hashcore.relevance import Labels
from jobs.pipeline.spark_pages import is_classic
from jobs.pipeline.tasks import map_tasks

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.dataset import Dataset, Fragment
    from pyspark.sql import SparkSession


Result = TypeVar("Result")

SHARE_BYTES = 512 << 20  # most bytes of files that a task reads; a larger row group is not divided
LEAST_SHARE_BYTES = 4 << 20  # for less, starting a task costs more than it saves
SHARES_PER_CORE = 2  # so that no core waits long for the last task


class Columns(NamedTuple):
    """A corpus and those of its columns that are encoded.

    Attributes:
        source: The corpus, for messages.
        id: Column of whole numbers.
        item: Column of items.
        labels: Column of labels, or None.
        item_key: Key of the configuration that names the column of items.
        unlabelled: What to set where there are no labels.
    """

    source: str
    id: str
    item: str
    labels: str | None
    item_key: str = "encode.column"
    unlabelled: str = "corpus.labels=null"


class Step(NamedTuple):
    """Some files of a corpus, divided into what single tasks read.

    Attributes:
        columns: What is read of them.
        schema: The corpus's.
        shares: Files, or row groups of a file, of each task.
        batch_rows: Rows that are read at once.
    """

    columns: Columns
    schema: pa.Schema
    shares: list[list[Fragment]]
    batch_rows: int

    def map(
        self, spark: SparkSession, function: Callable[[int, Iterator[pa.RecordBatch]], Result], label: str, gpus: float
    ) -> list[Result]:
        """Apply a function to the number and the batches (id, item, labels) of every share, one Spark task each."""
        apply = partial(_apply, self._replace(shares=[]), function)
        return map_tasks(spark, apply, list(enumerate(self.shares)), label, gpus)


def _apply(
    step: Step, function: Callable[[int, Iterator[pa.RecordBatch]], Result], task: tuple[int, list[Fragment]]
) -> Result:
    """Apply a function to the batches of one share."""
    number, fragments = task
    return function(number, batches(step, fragments))


def steps(spark: SparkSession, columns: Columns, files_per_step: int, batch_rows: int) -> list[Step]:
    """Divide a corpus by its files, in the order of their names, so that each step can be encoded and kept by itself.

    Raises:
        InvalidInputError: If it cannot be read, or lacks a column, or ids or labels are no whole numbers.
    """
    from pyarrow import dataset

    with readable(columns.source):
        system, inner = located(columns.source)
        corpus = dataset.dataset(inner, format="parquet", filesystem=system, partitioning="hive")
    check(corpus.schema, columns)
    files = sorted(corpus.get_fragments(), key=lambda fragment: fragment.path)
    cores = spark.sparkContext.defaultParallelism if is_classic(spark) else len(files)
    made = []
    for start in range(0, max(len(files), 1), files_per_step):
        shares = list(_shares(corpus, files[start : start + files_per_step], cores, columns.source))
        made.append(Step(columns, corpus.schema, shares, batch_rows))
    return made


def _shares(corpus: Dataset, files: Sequence[Fragment], cores: int, source: str) -> Iterator[list[Fragment]]:
    """Divide files into shares of nearly equal bytes, and files that are larger than a share by their row groups."""
    sizes = [info.size for info in corpus.filesystem.get_file_info([file.path for file in files])]
    limit = min(SHARE_BYTES, max(LEAST_SHARE_BYTES, sum(sizes) // (SHARES_PER_CORE * cores)))
    parts = []
    for file, size in zip(files, sizes, strict=True):
        with readable(source):
            groups = file.split_by_row_group() if size > limit else [file]
        parts += [(part, size / len(groups)) for part in groups]
    bounds, done = [], 0.0
    for _, size in parts:
        bounds.append(int(done / limit))
        done += size
    numbered = zip(bounds, (part for part, _ in parts), strict=True)
    yield from ([part for _, part in share] for _, share in groupby(numbered, key=lambda pair: pair[0]))


def check(schema: pa.Schema, columns: Columns) -> None:
    """Raise InvalidInputError if a column is missing, or ids or labels are no whole numbers."""
    import pyarrow as pa

    check_names(schema.names, columns)
    kind = schema.field(columns.id).type
    if not pa.types.is_integer(kind):
        raise InvalidInputError(f"{columns.source}: ids in {columns.id} are {kind}; number the items")
    if columns.labels is not None:
        kind = schema.field(columns.labels).type
        if not pa.types.is_integer(getattr(kind, "value_type", kind)):
            raise InvalidInputError(f"{columns.source}: labels in {columns.labels} are {kind}; number the classes")


def check_names(names: Sequence[str], columns: Columns) -> None:
    """Raise InvalidInputError if a column is missing."""
    for key, name in (("corpus.id", columns.id), (columns.item_key, columns.item), ("corpus.labels", columns.labels)):
        if name is not None and name not in names:
            hint = f"; use --set {columns.unlabelled} where items have none" if name == columns.labels else ""
            raise InvalidInputError(f"{columns.source} has no column {name} ({key}); it has {', '.join(names)}{hint}")


def batches(step: Step, fragments: Sequence[Fragment]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a share as record batches (id int64, item, labels list<int32>)."""
    import pyarrow as pa

    columns = step.columns
    names = [name for name in (columns.id, columns.item, columns.labels) if name is not None]
    for fragment in fragments:
        read = fragment.to_batches(
            schema=step.schema, columns=names, batch_size=step.batch_rows, use_threads=False, batch_readahead=1
        )
        while True:
            with readable(columns.source):
                batch = next(read, None)
                if batch is None:
                    break
                arrays = {"id": batch.column(columns.id).cast(pa.int64()), "item": batch.column(columns.item)}
            if columns.labels is not None:
                arrays["labels"] = label_lists(batch.column(columns.labels), columns.source, columns.labels)
            yield pa.RecordBatch.from_pydict(arrays)


def label_lists(column: pa.Array, source: str, name: str) -> pa.Array:
    """Return labels as lists, from lists or from single labels; a null becomes an empty list.

    Raises:
        InvalidInputError: If they are neither.
    """
    import numpy as np
    import pyarrow as pa

    if pa.types.is_integer(column.type):
        present = np.asarray(column.is_valid())
        offsets = np.concatenate([[0], np.cumsum(present)]).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(offsets), column.drop_null().cast(pa.int32()))
    try:
        return Labels.from_arrow(column).to_arrow()
    except InvalidInputError as error:
        raise InvalidInputError(f"{source}, column {name}: {error}") from None


@contextmanager
def readable(source: str) -> Iterator[None]:
    """Say in one line what Arrow cannot read.

    Raises:
        InvalidInputError: With the beginning of what Arrow says.
    """
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        said = " ".join(str(error).split())[:200]
        raise InvalidInputError(f"{source} cannot be read as parquet ({said}); mend it, or correct the path") from None
