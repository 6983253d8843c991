"""The engine on Spark: a Spark task each, whose errors come back as they were raised."""

from __future__ import annotations

import gc
import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from hashcore.errors import ConfigError, HashcoreError
from jobs.engine import gpu
from jobs.engine.interrupts import wait_for
from jobs.engine.spark_ui import is_classic, named, watched
from jobs.engine.tasks import Engine, Result, Task, TaskFailed, failed, run_task
from jobs.telemetry import run_notes

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

Rows = TypeVar("Rows")


class SparkEngine(NamedTuple):
    """Runs tasks on the executors of a session."""

    session: SparkSession

    def map_tasks(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], label: str = "tasks", gpus: float = 0
    ) -> list[Result]:
        """Do what `Engine.map_tasks` says."""
        spark, count = self.session, len(tasks)
        if not tasks:
            return []
        if not is_classic(spark):
            frame = spark.range(0, count, 1, count)  # one row, the number of a task, in each partition
            parts = map_partitions(frame, partial(_run_numbered, function, list(tasks)), label, gpus)
            return [result for part in parts for result in part]
        run_part = partial(_guarded, partial(_run_part, function, count))
        with _running(spark, label):
            rdd = spark.sparkContext.parallelize(list(enumerate(tasks)), count)  # sooner at work than a frame
            profile = gpu.profile(gpus)
            rdd = rdd if profile is None else rdd.withResources(profile)
            outcomes = wait_for(spark, rdd.mapPartitions(lambda part: [run_part(part)]).collect)
        return [result for part in _opened(outcomes) for result in part]


def session_of(engine: Engine, what: str) -> SparkSession:
    """Return the session of an engine for what Spark alone can do.

    Raises:
        ConfigError: If the engine is another one.
    """
    if not isinstance(engine, SparkEngine):
        raise ConfigError(f"{what} needs Spark; use --set engine=spark")
    return engine.session


def map_partitions(
    frame: DataFrame, function: Callable[[Iterator[pa.RecordBatch]], Result], label: str = "tasks", gpus: float = 0
) -> list[Result]:
    """Apply a function to the record batches of every partition and return the results in the order of partitions.

    What `Engine.map_tasks` says of functions and errors holds here too.
    """

    def apply(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        yield pa.RecordBatch.from_pydict({"outcome": [_guarded(function, batches)]})

    spark = frame.sparkSession
    with _running(spark, label):
        rows = wait_for(spark, frame.mapInArrow(apply, "outcome binary", profile=gpu.profile(gpus)).collect)
    return list(_opened([row.outcome for row in rows]))


def _guarded(function: Callable[[Rows], Result], rows: Rows) -> bytes:
    """Return the outcome of a function, and the memory its process held, as a worker sends them.

    An error of this project is deterministic, so it is returned as a value: Spark neither repeats the task nor prints
    its trace.
    """
    try:
        outcome: Result | HashcoreError = function(rows)
    except HashcoreError as error:
        outcome = error
    spare_modules()
    return pickle.dumps((outcome, run_notes.process_peak_bytes()))


def _opened(outcomes: Sequence[bytes]) -> Iterator[Any]:
    """Yield the results that workers sent; raise the first error."""
    for outcome, peak_bytes in map(pickle.loads, outcomes):
        run_notes.peak(peak_bytes)
        if isinstance(outcome, HashcoreError):
            raise outcome
        yield outcome


@contextmanager
def _running(spark: SparkSession, label: str) -> Iterator[None]:
    """Time, name and show the Spark job that runs within the block."""
    with run_notes.stage(label), named(spark, label), watched(spark, label), _failures_named(label):
        yield


@cache
def spare_modules() -> None:
    """Keep the collection of garbage that PySpark makes after every task from walking through all loaded modules.

    Once a worker process, after its first task: by then torch and the others are loaded, some 10⁵ objects that never go
    away, and that would cost each further task a tenth of a second.
    """
    gc.collect()
    gc.freeze()


def _run_part(function: Callable[[Task], Result], count: int, part: Iterator[tuple[int, Task]]) -> list[Result]:
    """Apply a function to the numbered tasks of a partition."""
    return [run_task(function, task, number, count) for number, task in part]


def _run_numbered(
    function: Callable[[Task], Result], tasks: Sequence[Task], batches: Iterator[pa.RecordBatch]
) -> list[Result]:
    """Apply a function to the tasks whose numbers a partition holds."""
    numbers = [number for batch in batches for number in batch.column(0).to_pylist()]
    return _run_part(function, len(tasks), ((number, tasks[number]) for number in numbers))


@contextmanager
def _failures_named(label: str) -> Iterator[None]:
    """Turn the failure of a task that Spark gave up into one line.

    Raises:
        TaskError: Naming job, task, files and rows.
    """
    from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        found = re.search(rf"{TaskFailed.__name__}: ([^\n]*)", str(error))
        if found is None:
            raise
        raise failed(label, found.group(1)) from None
