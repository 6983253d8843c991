"""Signs of a running Spark job: its name on Spark's pages, and its finished tasks on a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jobs.telemetry.progress import Progress

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def is_classic(spark: SparkSession) -> bool:
    """Return whether a session runs in this process, and not on a Spark Connect server."""
    return hasattr(spark, "_jsparkSession")


@contextmanager
def named(spark: SparkSession, label: str) -> Iterator[None]:
    """Call what runs within the block by a name that a person understands, on Spark's pages."""
    if not is_classic(spark):
        yield
        return
    spark.sparkContext.setJobDescription(label)
    try:
        yield
    finally:
        spark.sparkContext.setLocalProperty("spark.job.description", None)


@contextmanager
def watched(spark: SparkSession, label: str) -> Iterator[None]:
    """Show how many tasks of the running Spark job are done, where somebody looks."""
    if not sys.stderr.isatty() or not is_classic(spark):  # Spark Connect shows its own
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
