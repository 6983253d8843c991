"""The choice of an engine: this process for small jobs, Spark for others, and wherever a job was brought to one."""

from __future__ import annotations

import pytest

from hashcore.errors import ConfigError
from jobs.config.pipeline import Pipeline
from jobs.engine import choice
from jobs.engine.choice import SMALL_BYTES, SMALL_ROWS, Size, choose, engine_of
from jobs.engine.process import ProcessEngine

SMALL = Size(rows=30_000, bytes=46_000_000)


@pytest.fixture
def no_session(monkeypatch):
    """As in a process that no other test has started Spark in."""
    monkeypatch.delitem(choice.sys.modules, "pyspark.sql", raising=False)


def pipeline(**values):
    return Pipeline.model_validate({"name": "a", "spark": {"task_memory": "100m"}, **values})


def test_a_small_job_runs_in_this_process_and_says_so(no_session, capsys):
    assert isinstance(engine_of(pipeline(), "encode database", size=SMALL), ProcessEngine)
    assert capsys.readouterr().out == (
        "encode database: in this process (30,000 rows, 46.0 MB; --set engine=spark for Spark)\n"
    )


@pytest.mark.parametrize(
    ("projected_mib", "size", "why"),
    [
        (0, Size(rows=SMALL_ROWS + 1), "10,000,001 rows, more than 10,000,000"),
        (0, Size(bytes=SMALL_BYTES + 1), "1,074 MB, more than 1,074"),
        (51, SMALL, "a task takes up to 51 MiB, more than half of what it may"),
    ],
)
def test_rows_bytes_or_memory_beyond_small_take_a_job_to_spark(no_session, projected_mib, size, why):
    assert choose(pipeline(), projected_mib << 20, size) == (True, why)


def test_the_largest_small_job_stays_here(no_session):
    assert choose(pipeline(), 50 << 20, Size(SMALL_ROWS, SMALL_BYTES))[0] is False


@pytest.mark.parametrize(
    ("variable", "why"), [("SPARK_REMOTE", "SPARK_REMOTE=sc://host"), ("PYSPARK_GATEWAY_PORT", "spark-submit")]
)
def test_where_a_job_was_brought_to_spark_even_the_smallest_uses_it(no_session, monkeypatch, variable, why):
    monkeypatch.setenv(variable, "sc://host")
    assert choose(pipeline(), 0, Size(rows=1)) == (True, why)
    assert choose(pipeline(engine="process"), 0, Size(rows=1)) == (False, "engine=process")


def test_a_running_session_is_used(spark):
    assert choose(pipeline(), 0, Size(rows=1)) == (True, "a session runs here")


@pytest.mark.parametrize(
    ("master", "is_there"), [("local[4]", False), ("yarn", True), ("local-cluster[2,1,1024]", True)]
)
def test_a_cluster_named_by_the_pipeline_is_used(no_session, master, is_there):
    assert choose(pipeline(spark={"master": master}), 0, SMALL)[0] is is_there


def test_without_pyspark_everything_runs_here(no_session, monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    assert choose(pipeline(), 0, Size(rows=10**9)) == (False, "PySpark is not installed")


def test_what_spark_alone_can_read_goes_there_or_is_refused(no_session):
    assert choose(pipeline(), 0, SMALL, "corpus.format=orc") == (True, "corpus.format=orc needs it")
    with pytest.raises(
        ConfigError, match=r"corpus\.format=orc needs Spark, and engine=process rules it out; use --set"
    ):
        choose(pipeline(engine="process"), 0, SMALL, "corpus.format=orc")
