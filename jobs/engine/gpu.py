"""A stage of tasks that share GPUs, on a cluster whose other stages need none: Spark's resource profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.resource import ResourceProfile


def profile(gpus: float) -> ResourceProfile | None:
    """Return the profile of tasks that take `gpus` of a GPU each, a quarter say; None, Spark's default, for 0.

    Executors must have been told of their GPUs, as in conf/spark/cluster.conf.
    """
    if gpus == 0:
        return None
    from pyspark.resource import ResourceProfileBuilder, TaskResourceRequests

    requests = TaskResourceRequests().cpus(1).resource("gpu", gpus)
    made: ResourceProfile = ResourceProfileBuilder().require(requests).build
    return made
