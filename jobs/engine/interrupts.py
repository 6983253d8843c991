"""Ctrl-C in a driver of Spark: one KeyboardInterrupt, jobs that are cancelled, and no word of it by Py4J.

A call of Java that is interrupted while it waits for an answer leaves a connection of which nobody knows what comes
next: Spark's own handler asks Java on it to cancel the jobs, fails, and prints all that. So whoever waits for a job
waits for a thread, which has a connection of its own.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from jobs.engine.spark_ui import is_classic

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Result = TypeVar("Result")

PY4J_LOGGERS = None, "py4j.clientserver", "py4j.java_gateway"
PY4J_INTERRUPTED = "KeyboardInterrupt while sending command.", "Exception occurred while shutting down connection"


@contextmanager
def kept() -> Iterator[None]:
    """Leave Ctrl-C what it was before a session is made within the block: a KeyboardInterrupt, and no more."""
    for name in PY4J_LOGGERS:
        logging.getLogger(name).addFilter(_is_worth_a_line)
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Return whether a line of the log is none of Py4J's about a command that was interrupted."""
    return record.msg not in PY4J_INTERRUPTED


def wait_for(session: SparkSession, job: Callable[[], Result]) -> Result:
    """Run a Spark job in a thread and return its result; interrupted, cancel all jobs of the session.

    Their tasks end within Spark's few seconds.
    """
    if not is_classic(session):  # Spark Connect hears by itself
        return job()
    from pyspark import InheritableThread

    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(job())
        except BaseException as error:
            errors.append(error)

    thread = InheritableThread(target=run, daemon=True)
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        with suppress(Exception):  # Java may have been interrupted as well
            session.sparkContext.cancelAllJobs()
        raise
    if errors:
        raise errors[0]
    return results[0]
