"""A corpus in steps of some files each: all formats are read within the tasks, but orc, which Spark reads."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar
from urllib.parse import unquote

from hashcore.errors import InvalidInputError
from hashcore.storage.places import is_object
from hashcore.storage.trees import check_tree
from jobs.config.sections.corpus import FormatName
from jobs.corpora import reader, shares
from jobs.corpora.formats import by_name
from jobs.corpora.reader import Columns, Wanted
from jobs.engine.spark_engine import map_partitions, session_of
from jobs.engine.tasks import Engine

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

Result = TypeVar("Result")

UNREADABLE = ("FAILED_READ_FILE", "DATA_SOURCE_NOT_FOUND", "PATH_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA", "MALFORMED")


class Step(Protocol):
    """Some files of a corpus."""

    def map(
        self, engine: Engine, function: Callable[[int, Iterator[pa.RecordBatch]], Result], label: str, gpus: float
    ) -> list[Result]:
        """Apply a function to the number and the batches (id, item, labels) of every task's share."""

    def has_names(self) -> bool:
        """Return whether its labels are names."""

    def only(self, wanted: Wanted) -> Step:
        """Return the step with the rows alone whose ids are wanted."""


class FrameStep(NamedTuple):
    """Some files that Spark reads, and which of their columns are read."""

    frame: DataFrame
    columns: Columns
    wanted: Wanted | None = None

    def map(
        self,
        engine: Engine,  # noqa: ARG002 - the frame has its session
        function: Callable[[int, Iterator[pa.RecordBatch]], Result],
        label: str,
        gpus: float,
    ) -> list[Result]:
        """Apply a function to every partition of the frame."""
        return map_partitions(self.frame, partial(_apply, function, self.columns, self.wanted), label, gpus)

    def has_names(self) -> bool:
        """Return whether its labels are names."""
        schema = self.frame.limit(0).toArrow().schema
        return self.columns.labels is not None and reader.check(schema, self.columns, self.columns.source)[1] == "texts"

    def only(self, wanted: Wanted) -> FrameStep:
        """Return the step with the wanted rows alone."""
        return self._replace(wanted=wanted)


def _apply(
    function: Callable[[int, Iterator[pa.RecordBatch]], Result],
    columns: Columns,
    wanted: Wanted | None,
    batches: Iterator[pa.RecordBatch],
) -> Result:
    """Apply a function to the running task's number and batches."""
    from pyspark import TaskContext

    task = TaskContext.get()
    if task is None:
        raise RuntimeError("a partition is read within a Spark task")
    rows = (reader.canonical(batch, columns) for batch in batches)
    chosen = rows if wanted is None else (batch.filter(wanted(batch.column("id"))) for batch in rows)
    return function(task.partitionId(), chosen)


def spark_for(file_format: FormatName) -> str | None:
    """Return the setting that Spark alone can do, None where a format is read within the tasks."""
    return "corpus.format=orc" if file_format == "orc" else None


def steps(
    engine: Engine,
    columns: Columns,
    file_format: FormatName,
    *,
    files_per_step: int,
    batch_rows: int,
    label: str = "",
) -> Sequence[Step]:
    """Divide a corpus by its files, so that each step can be encoded and kept by itself; the same on every call.

    Args:
        engine: Who runs the tasks.
        columns: What is read of the corpus.
        file_format: Its format; `auto` is told by the names of its files.
        files_per_step: Files, or folders' parts of images, of a step.
        batch_rows: Rows that are read at once.
        label: Stage under whose name it is printed what lies there, where that is not Parquet; "" prints nothing.

    Raises:
        InvalidInputError: If it cannot be read, lacks a column, ids or labels are none, or a column is of a
            user-defined type.
    """
    if file_format == "auto":
        file_format = by_name.found(columns.source)
    if file_format != "orc":
        corpus = by_name.open_corpus(columns.source, file_format)
        if label and file_format != "parquet":
            print(f"{label}: {columns.source} holds {corpus.told}")
        return shares.steps(columns, corpus, files_per_step, batch_rows)
    if not is_object(columns.source) and os.path.isdir(columns.source):
        check_tree(columns.source)
    spark = session_of(engine, f"corpus.format={file_format}")
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(batch_rows))
    with reading(columns.source, file_format, begins=True):
        whole = spark.read.format(file_format).load(columns.source)
        refuse_own_types(whole, columns.source)
        frames = _frames(spark, whole, columns.source, file_format, files_per_step)
        reader.check_names(whole.columns, columns, columns.source)
        frames = [frame.select([f"`{name}`" for name in columns.names()]) for frame in frames]
        reader.check(frames[0].limit(0).toArrow().schema, columns, columns.source)
    return [FrameStep(frame, columns) for frame in frames]


def refuse_own_types(frame: DataFrame, source: str) -> None:
    """Raise InvalidInputError if a column is of a type that is a class of the user's own.

    Files name that class, and Spark imports its module as soon as Python asks for the schema, which is code.
    """
    described = getattr(frame, "_jdf", None)  # a frame of Spark Connect has none
    if described is not None and '"type":"udt"' in described.schema().json():
        raise InvalidInputError(f"{source} has a column of a user-defined type, whose code is not run; write it plain")


def _frames(
    spark: SparkSession, whole: DataFrame, source: str, file_format: str, files_per_step: int
) -> list[DataFrame]:
    """Divide a frame by its files."""
    files = sorted(map(unquote, whole.inputFiles()))
    if len(files) <= files_per_step:
        return [whole]
    reader = spark.read.format(file_format).schema(whole.schema)
    if os.path.isdir(source):
        reader = reader.option("basePath", source)  # for columns that are named by folders
    return [reader.load(files[start : start + files_per_step]) for start in range(0, len(files), files_per_step)]


@contextmanager
def reading(source: str, file_format: str, *, begins: bool = False) -> Iterator[None]:
    """Say in one line what Spark cannot read; formats that Spark does not read need none of it.

    Args:
        source: The corpus.
        file_format: Its format.
        begins: Whether only its files are looked at, so that every error is one of reading; else others pass through.

    Raises:
        InvalidInputError: With the first line of what Spark says.
    """
    if file_format != "orc":
        yield
        return
    from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        said = error.java_exception.getMessage() if isinstance(error, Py4JJavaError) else str(error)
        reason = re.search(rf"\[({'|'.join(UNREADABLE)})[^\n]*", said)
        if reason is None and not begins:
            raise
        line = reason.group() if reason else next(iter(str(said).splitlines()), "")[:300]
        raise InvalidInputError(f"{source} cannot be read as {file_format}: {line}") from None
