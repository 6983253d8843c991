"""What many tests share: one Spark session and one S3 server, each started by the first test that asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from jobs.config.sections.spark import SparkConfig
from jobs.engine.spark import session

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
def spark(s3_settings: None) -> Iterator[SparkSession]:
    """Return the session that jobs started in tests will find running."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # Python workers share the cores
    running = session(SPARK, "tests")
    yield running
    running.stop()


@pytest.fixture(scope="session")
def s3_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Set what clients of S3 read from the environment: before Spark starts, whose workers inherit it."""
    import s3_server

    with pytest.MonkeyPatch.context() as patch, s3_server.running() as endpoint:
        for name, value in s3_server.settings(endpoint).items():
            patch.setenv(name, value)
        patch.setenv("HASHCORE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def bucket(s3_settings: None) -> str:
    """Return the URI of a new, empty bucket."""
    import s3_server

    return s3_server.new_bucket()
