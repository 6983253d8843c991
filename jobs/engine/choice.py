"""The engine of a job, whose tasks promise to take no more memory than they may."""

from __future__ import annotations

from jobs.config.pipeline import Pipeline
from jobs.engine import memory
from jobs.engine.spark import session
from jobs.engine.spark_engine import SparkEngine
from jobs.engine.tasks import Engine


def engine_of(pipeline: Pipeline, job: str, projected_bytes: int = 0, remedy: str = "") -> Engine:
    """Return who runs the tasks of a pipeline's job: Spark, which is started where it does not run yet.

    Args:
        pipeline: Says how Spark is started and what a task may take.
        job: Its name.
        projected_bytes: What its largest task will take at most.
        remedy: The setting that makes tasks smaller, in words.

    Raises:
        ConfigError: If a task would take more than it may; if a setting or a variable of the environment keeps Spark
            from starting.
        MissingExtraError: If PySpark is not installed, or Java is missing or too old.
    """
    memory.promise(job, projected_bytes, pipeline.spark, remedy)
    return SparkEngine(session(pipeline.spark, f"hashcore {job} {pipeline.name}"))
