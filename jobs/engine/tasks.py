"""The one way work is spread: a pure function mapped over tasks on Spark, whose results are merged by who asked."""

from __future__ import annotations

import gc
import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from hashcore.errors import HashcoreError, TaskError
from jobs.engine import gpu
from jobs.engine.interrupts import wait_for
from jobs.engine.spark_ui import is_classic, named, watched
from jobs.telemetry import run_notes

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

Task = TypeVar("Task")
Rows = TypeVar("Rows")
Result = TypeVar("Result")


def map_tasks(
    spark: SparkSession,
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    label: str = "tasks",
    gpus: float = 0,
) -> list[Result]:
    """Apply a function to every task, one Spark task each, and return the results in the order of the tasks.

    A task may run twice (retries, speculation): the function must be idempotent. Its result travels through the driver,
    so it is a summary; data goes to storage. Tasks and results must pickle.

    Raises:
        HashcoreError: The first one that a task raised, as it was raised there.
    """
    if not tasks:
        return []
    if not is_classic(spark):
        frame = spark.range(0, len(tasks), 1, len(tasks))  # one row, the number of a task, in each partition
        parts = map_partitions(frame, partial(_run_numbered, function, list(tasks)), label, gpus)
        return [result for part in parts for result in part]
    run_part = partial(_guarded, partial(_run_part, function, len(tasks)))
    with _running(spark, label):
        rdd = spark.sparkContext.parallelize(list(enumerate(tasks)), len(tasks))  # sooner at work than a frame
        profile = gpu.profile(gpus)
        rdd = rdd if profile is None else rdd.withResources(profile)
        outcomes = wait_for(spark, rdd.mapPartitions(lambda part: [run_part(part)]).collect)
    return [result for part in _opened(outcomes) for result in part]


def map_here(function: Callable[[Task], Result], tasks: Sequence[Task], label: str = "tasks") -> list[Result]:
    """Apply a function to every task in this process, one after the other: what `map_tasks` returns, without Java.

    Raises:
        HashcoreError: The first one that a task raised.
        TaskError: If a task failed otherwise, naming it and what it reads.
    """
    try:
        with run_notes.stage(label):
            return [_run(function, task, number, len(tasks)) for number, task in enumerate(tasks)]
    except TaskFailed as error:
        raise _failed(label, str(error)) from error.__cause__


def map_partitions(
    frame: DataFrame, function: Callable[[Iterator[pa.RecordBatch]], Result], label: str = "tasks", gpus: float = 0
) -> list[Result]:
    """Apply a function to the record batches of every partition and return the results in the order of partitions.

    What `map_tasks` says of functions and errors holds here too.
    """

    def apply(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        yield pa.RecordBatch.from_pydict({"outcome": [_guarded(function, batches)]})

    spark = frame.sparkSession
    with _running(spark, label):
        rows = wait_for(spark, frame.mapInArrow(apply, "outcome binary", profile=gpu.profile(gpus)).collect)
    return list(_opened([row.outcome for row in rows]))


def task_threads() -> int:
    """Return the threads that the running Spark task may use; 0, which means all, outside of one."""
    from pyspark import TaskContext

    task = TaskContext.get()
    return 0 if task is None else task.cpus()


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
    return [_run(function, task, number, count) for number, task in part]


def _run_numbered(
    function: Callable[[Task], Result], tasks: Sequence[Task], batches: Iterator[pa.RecordBatch]
) -> list[Result]:
    """Apply a function to the tasks whose numbers a partition holds."""
    numbers = [number for batch in batches for number in batch.column(0).to_pylist()]
    return [_run(function, tasks[number], number, len(tasks)) for number in numbers]


class TaskFailed(Exception):  # noqa: N818 (what Spark's text is searched for)
    """A task failed in a way that another try may mend; Spark tries again, and gives up at last."""


def _run(function: Callable[[Task], Result], task: Task, number: int, count: int) -> Result:
    """Apply a function to one task; an error names the task, and the files and rows that it reads."""
    inputs = ", ".join(_inputs(task))
    name = f"task {number + 1} of {count}" + (f", {inputs}" if inputs else "")
    try:
        return function(task)
    except HashcoreError as error:
        if inputs:
            error.args = (f"{error} ({name})",)
        raise
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise TaskFailed(f"{name}: {said}") from error


def _inputs(task: Any) -> Iterator[str]:
    """Yield the files that a task reads with their rows, as far as it tells."""
    if hasattr(task, "inputs"):
        yield task.inputs
    elif hasattr(task, "path") and hasattr(task, "stop"):
        yield str(task)
    elif hasattr(task, "path") and hasattr(type(task), "physical_schema"):
        groups = [group.id for group in task.row_groups] if getattr(task, "has_complete_metadata", False) else []
        yield f"{task.path} row groups {groups[0]}:{groups[-1] + 1}" if groups else f"{task.path} all rows"
    elif isinstance(task, tuple | list):
        for part in task:
            yield from _inputs(part)


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
        raise _failed(label, found.group(1)) from None


def _failed(label: str, said: str) -> TaskError:
    """Return the error of a job one of whose tasks failed."""
    return TaskError(f"{label}: {said}; mend its cause and run again: what is done is kept")
