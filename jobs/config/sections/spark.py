"""The section `spark`: how Spark is started where no session runs yet."""

from __future__ import annotations

from pydantic import Field

from hashcore.spec import Spec


class SparkConfig(Spec):
    """Settings of a new Spark session; on a cluster, spark-submit or the service has the last word."""

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
