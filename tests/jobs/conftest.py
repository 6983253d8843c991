"""Tasks that run in this process, so that a test can count and end them."""

from __future__ import annotations

import pytest

from jobs.engine.spark_engine import SparkEngine


@pytest.fixture
def in_process(spark, monkeypatch):
    """Run tasks here, so that a test can count them and end them."""

    def run(engine, function, tasks, label="tasks", gpus=0):
        return [function(task) for task in tasks]

    monkeypatch.setattr(SparkEngine, "map_tasks", run)
