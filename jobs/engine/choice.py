"""The choice of a job's engine: this process where the job is small, else Spark; and the memory that tasks promise.

Spark takes 8 to 14 seconds to start and to end, whatever a job does, and on one machine it has the same cores as this
process. So a job stays here while it is done in about that time.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import NamedTuple

from hashcore.errors import ConfigError
from jobs.config.pipeline import Pipeline
from jobs.engine import memory
from jobs.engine.process import ProcessEngine
from jobs.engine.spark import session
from jobs.engine.spark_engine import SparkEngine
from jobs.engine.tasks import Engine

SMALL_ROWS = 10_000_000  # indexed in some 5 seconds on two cores
SMALL_BYTES = 1 << 30  # of files, encoded in some 20 seconds where they hold embeddings
SMALL_MEMORY_SHARE = 0.5  # of what a task may take: Spark's tasks end with their memory, this process keeps it


class Size(NamedTuple):
    """Size of a job: the rows that it goes through, or the bytes of the files that it reads; 0 where not told."""

    rows: int = 0
    bytes: int = 0

    def __str__(self) -> str:
        told = [f"{self.rows:,} rows"] if self.rows else []
        return ", ".join([*told, f"{self.bytes / 1e6:,.1f} MB"] if self.bytes else told)


UNTOLD = Size()


def engine_of(
    pipeline: Pipeline,
    job: str,
    projected_bytes: int = 0,
    remedy: str = "",
    *,
    size: Size = UNTOLD,
    spark_for: str | None = None,
) -> Engine:
    """Return who runs the tasks of a pipeline's job, and say so; Spark is started where it does not run yet.

    Args:
        pipeline: Names the engine, and says how Spark is started and what a task may take.
        job: Its name, the verb first.
        projected_bytes: What its largest task will take at most.
        remedy: The setting that makes tasks smaller, in words.
        size: Of the job.
        spark_for: The setting that Spark alone can do, if there is one.

    Raises:
        ConfigError: If a task would take more than it may; if Spark alone can do the job and is ruled out; if a setting
            or a variable of the environment keeps Spark from starting.
        MissingExtraError: If PySpark is not installed, or Java is missing or too old.
    """
    verb = job.partition(" ")[0]
    memory.promise(verb, projected_bytes, pipeline.spark, remedy)
    is_on_spark, why = choose(pipeline, projected_bytes, size, spark_for)
    can_be_other = pipeline.engine == "auto" and spark_for is None
    if not is_on_spark:
        print(f"{job}: in this process ({why}" + ("; --set engine=spark for Spark)" if can_be_other else ")"))
        return ProcessEngine()
    print(f"{job}: on Spark ({why}" + ("; --set engine=process for this process)" if can_be_other else ")"))
    return SparkEngine(session(pipeline.spark, f"hashcore {verb} {pipeline.name}"))


def choose(pipeline: Pipeline, projected_bytes: int, size: Size, spark_for: str | None = None) -> tuple[bool, str]:
    """Return whether a job runs on Spark, and why; arguments and errors as of `engine_of`."""
    if spark_for and pipeline.engine == "process":
        raise ConfigError(f"{spark_for} needs Spark, and engine=process rules it out; use --set engine=auto")
    if spark_for:
        return True, f"{spark_for} needs it"
    if pipeline.engine != "auto":
        return pipeline.engine == "spark", f"engine={pipeline.engine}"
    if place := _spark_here(pipeline):
        return True, place
    if too_much := _too_much(pipeline, projected_bytes, size):
        return (True, too_much) if find_spec("pyspark") else (False, "PySpark is not installed")
    return False, str(size) or "it is small"


def _spark_here(pipeline: Pipeline) -> str:
    """Return the sign that the job was brought to a Spark; "" where there is none."""
    if "SPARK_REMOTE" in os.environ:
        return f"SPARK_REMOTE={os.environ['SPARK_REMOTE']}"
    if "PYSPARK_GATEWAY_PORT" in os.environ:
        return "spark-submit"
    if "pyspark.sql" in sys.modules:
        from pyspark.sql import SparkSession

        if SparkSession.getActiveSession() is not None:
            return "a session runs here"
    master = pipeline.spark.master or "local"
    return "" if master.startswith("local") and "cluster" not in master else f"spark.master={master}"


def _too_much(pipeline: Pipeline, projected_bytes: int, size: Size) -> str:
    """Return what is too much for this process; "" where all of a job is small."""
    if size.rows > SMALL_ROWS:
        return f"{size.rows:,} rows, more than {SMALL_ROWS:,}"
    if size.bytes > SMALL_BYTES:
        return f"{size.bytes / 1e6:,.0f} MB, more than {SMALL_BYTES / 1e6:,.0f}"
    if projected_bytes > SMALL_MEMORY_SHARE * memory.allowed_bytes(pipeline.spark):
        return f"a task takes up to {projected_bytes / (1 << 20):,.0f} MiB, more than half of what it may"
    return ""
