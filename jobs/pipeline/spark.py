"""The only place that makes a SparkSession; and the one way work is spread: a pure function mapped over tasks."""

from __future__ import annotations

import atexit
import gc
import os
import pickle
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field

from hashcore.errors import HashcoreError, MissingExtraError, TaskError, require
from jobs.pipeline import gpu, runs
from jobs.pipeline.progress import Progress
from jobs.pipeline.section import Section

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

Task = TypeVar("Task")
Result = TypeVar("Result")

MIN_JAVA = 17


class SparkConfig(Section):
    """How to start Spark where no session runs yet; on a cluster, spark-submit or the service has the last word."""

    master: str | None = None
    """Spark master; none means what spark-submit gave, else every core of this machine."""
    driver_memory: str = Field(default="2g", pattern=r"^\d+[mg]$")
    """Java heap of a local run, beside which the Python workers take theirs."""
    task_memory: str | None = Field(default=None, pattern=r"^\d+[mg]$")
    """Memory that the Python process of a task may take, such as 4g; a job that would take more is refused before it
    starts. None allows what the machine has."""
    shuffle_partitions: int = Field(default=64, ge=1)
    """Partitions of the few shuffles: the check of ids."""
    log_level: str = "ERROR"
    """Spark's own log: OFF, FATAL, ERROR, WARN, INFO or DEBUG."""
    ui: bool = False
    """Whether a local run opens Spark's web page."""
    settings: dict[str, str] = Field(default={})
    """Further Spark settings by their full names."""


def session(config: SparkConfig, app_name: str) -> SparkSession:
    """Return the running session, or start one.

    Raises:
        MissingExtraError: If PySpark is not installed, or Java is missing or too old.
    """
    require("pyspark", "spark")
    from pyspark.sql import SparkSession

    running = SparkSession.getActiveSession()
    if running is not None:
        return running
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ or "SPARK_REMOTE" in os.environ
    if not submitted:
        check_java()
    builder = SparkSession.builder.appName(app_name)
    for name, value in _settings(config, submitted).items():
        builder = builder.config(name, value)
    started = builder.getOrCreate()
    atexit.register(started.stop)
    return started


def _settings(config: SparkConfig, submitted: bool) -> dict[str, str]:
    """Return the settings of a new session."""
    log = Path(__file__).resolve().parent / "log4j2.properties"
    settings = {
        "spark.sql.shuffle.partitions": str(config.shuffle_partitions),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    master = config.master or (None if submitted else "local[*]")
    if master:
        settings["spark.master"] = master
    if submitted:
        settings["spark.log.level"] = config.log_level
    else:
        os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
        settings |= {
            "spark.driver.memory": config.driver_memory,
            "spark.driver.extraJavaOptions": f'"-Dlog4j2.configurationFile={log}" -Dhashcore.log={config.log_level}',
            "spark.ui.enabled": str(config.ui).lower(),
            "spark.ui.showConsoleProgress": "false",
            "spark.driver.host": "127.0.0.1",  # a laptop's host name may not resolve
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.executorEnv.PYTHONPATH": _python_path(),
        }
    return settings | config.settings


def _python_path() -> str:
    """Return the PYTHONPATH on which workers of this machine find these packages, installed or not."""
    here = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(dict.fromkeys([here, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]))


def java_version() -> int | None:
    """Return the major version of the Java that Spark would start, or None where there is none."""
    home = os.environ.get("JAVA_HOME")
    java = os.path.join(home, "bin", "java") if home else shutil.which("java")
    if not java or not os.path.exists(java):
        return None
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', output)
    return int(found.group(1)) if found else None


def check_java() -> None:
    """Raise MissingExtraError, with what to install, unless Java is new enough for Spark."""
    version = java_version()
    if version is None or version < MIN_JAVA:
        found = "Java is not found" if version is None else f"Java {version} is too old"
        raise MissingExtraError(
            f"{found}; Spark needs Java {MIN_JAVA} or newer: install it (Debian, Ubuntu: apt install "
            f"openjdk-{MIN_JAVA}-jre-headless; macOS: brew install openjdk@{MIN_JAVA}) or set JAVA_HOME"
        )


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
    frame = spark.range(0, len(tasks), 1, len(tasks))  # one row, the number of a task, in each partition
    results = map_partitions(frame, partial(_apply, function, list(tasks)), label, gpus)
    return [result for partition in results for result in partition]


def map_partitions(
    frame: DataFrame, function: Callable[[Iterator[pa.RecordBatch]], Result], label: str = "tasks", gpus: float = 0
) -> list[Result]:
    """Apply a function to the record batches of every partition and return the results in the order of partitions.

    What `map_tasks` says of functions and errors holds here too. An error of this project is deterministic, so it is
    returned as a value: Spark neither repeats the task nor prints its trace.
    """

    def guarded(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        try:
            outcome: Result | HashcoreError = function(batches)
        except HashcoreError as error:
            outcome = error
        spare_modules()
        yield pa.RecordBatch.from_pydict({"outcome": [pickle.dumps((outcome, runs.process_peak_bytes()))]})

    spark = frame.sparkSession
    with runs.stage(label), _named(spark, label), _watched(spark, label), _failures_named(label):
        rows = frame.mapInArrow(guarded, "outcome binary", profile=gpu.profile(gpus)).collect()
    outcomes = []
    for outcome, peak_bytes in (pickle.loads(row.outcome) for row in rows):
        runs.peak(peak_bytes)
        outcomes.append(outcome)
        if isinstance(outcome, HashcoreError):
            raise outcome
    return outcomes


@cache
def spare_modules() -> None:
    """Keep the collection of garbage that PySpark makes after every task from walking through all loaded modules.

    Once a worker process, after its first task: by then torch and the others are loaded, some 10⁵ objects that never go
    away, and that would cost each further task a tenth of a second.
    """
    gc.collect()
    gc.freeze()


def task_threads() -> int:
    """Return the threads that the running Spark task may use; 0, which means all, outside of one."""
    from pyspark import TaskContext

    task = TaskContext.get()
    return 0 if task is None else task.cpus()


def _apply(
    function: Callable[[Task], Result], tasks: Sequence[Task], batches: Iterator[pa.RecordBatch]
) -> list[Result]:
    """Apply a function to the tasks whose numbers a partition holds."""
    return [_run(function, tasks, number) for batch in batches for number in batch.column(0).to_pylist()]


class TaskFailed(Exception):  # noqa: N818 (what Spark's text is searched for)
    """A task failed in a way that another try may mend; Spark tries again, and gives up at last."""


def _run(function: Callable[[Task], Result], tasks: Sequence[Task], number: int) -> Result:
    """Apply a function to one task; an error names the task, and the files and rows that it reads."""
    inputs = ", ".join(_inputs(tasks[number]))
    name = f"task {number + 1} of {len(tasks)}" + (f", {inputs}" if inputs else "")
    try:
        return function(tasks[number])
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
        raise TaskError(f"{label}: {found.group(1)}; mend its cause and run again: what is done is kept") from None


@contextmanager
def _named(spark: SparkSession, label: str) -> Iterator[None]:
    """Call what runs within the block by a name that a person understands, on Spark's pages."""
    if not hasattr(spark, "_jsparkSession"):
        yield
        return
    spark.sparkContext.setJobDescription(label)
    try:
        yield
    finally:
        spark.sparkContext.setLocalProperty("spark.job.description", None)


@contextmanager
def _watched(spark: SparkSession, label: str) -> Iterator[None]:
    """Show how many tasks of the running Spark job are done, where somebody looks."""
    if not sys.stderr.isatty() or not hasattr(spark, "_jsparkSession"):  # Spark Connect shows its own
        yield
        return
    stopped = threading.Event()
    with Progress(label, unit="tasks") as progress:
        watcher = threading.Thread(target=_watch, args=(spark, progress, stopped), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stopped.set()
            watcher.join()


def _watch(spark: SparkSession, progress: Progress, stopped: threading.Event) -> None:
    """Poll Spark's status until told to stop."""
    tracker = spark.sparkContext.statusTracker()
    while not stopped.wait(0.5):
        stages = [info for info in map(tracker.getStageInfo, tracker.getActiveStageIds()) if info]
        if stages:
            progress.reach(sum(s.numCompletedTasks for s in stages), sum(s.numTasks for s in stages))
