"""What many tests share: one Spark session, started by the first test that asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from jobs.pipeline.spark import SparkConfig, session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SPARK = SparkConfig(
    master="local[2]",  # two workers: enough for tasks to finish out of order
    driver_memory="1g",  # the test data is small
    shuffle_partitions=1,  # many would be empty, and each costs a task
)

settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Return the session that jobs started in tests will find running."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # Python workers share the cores
    running = session(SPARK, "tests")
    yield running
    running.stop()
