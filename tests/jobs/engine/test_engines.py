"""Whoever runs the tasks: the same results in the same order, and the same errors."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hashcore.errors import ConfigError, CorruptIndexError, TaskError
from jobs.engine.process import ProcessEngine
from jobs.engine.spark_engine import SparkEngine, session_of
from jobs.stages.codes_directory import Piece


@pytest.fixture(params=["process", "spark"])
def engine(request):
    return ProcessEngine() if request.param == "process" else SparkEngine(request.getfixturevalue("spark"))


def test_results_come_in_the_order_of_tasks(engine):
    assert engine.map_tasks(len, ["a" * number for number in range(9)]) == list(range(9))
    assert engine.map_tasks(len, []) == []


@pytest.mark.parametrize(
    ("raised", "kind", "said"),
    [
        (CorruptIndexError("bad"), CorruptIndexError, "bad (task 2 of 2, a.parquet rows 5:9)"),
        (
            OSError(28, "No space left on device"),
            TaskError,
            "count: task 2 of 2, a.parquet rows 5:9: OSError: [Errno 28] No space left on device; mend its cause "
            "and run again: what is done is kept",
        ),
    ],
)
def test_a_task_that_fails_is_named_with_what_it_reads(engine, raised, kind, said):
    def fail(task):
        if task[0] == 1:
            raise type(raised)(*raised.args)

    with pytest.raises(kind) as caught:
        engine.map_tasks(fail, [(number, Piece("a.parquet", 5 * number, 5 + 4 * number)) for number in (0, 1)], "count")
    assert str(caught.value) == said


def test_what_spark_alone_can_do_is_refused_elsewhere():
    with pytest.raises(ConfigError, match=r"corpus\.format=orc needs Spark; use --set engine=spark"):
        session_of(ProcessEngine(), "corpus.format=orc")


def test_tasks_in_this_process_load_no_spark():
    code = "import sys; from jobs.engine.process import ProcessEngine; from jobs.engine.tasks import task_threads; "
    code += "assert ProcessEngine().map_tasks(lambda _: task_threads(), [1]) == [0]; print('pyspark' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
