"""Spark is started in one place, and maps pure functions over tasks."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from hashcore import hamming
from hashcore.errors import CorruptIndexError, MissingExtraError
from jobs.config.sections.spark import SparkConfig
from jobs.engine.java import check_java
from jobs.engine.spark import session
from jobs.engine.spark_engine import SparkEngine, map_partitions


def test_results_come_in_the_order_of_tasks(spark):
    def describe(task):
        return (os.getpid(), task["name"])

    results = SparkEngine(spark).map_tasks(describe, [{"name": number} for number in range(9)])
    assert [name for _, name in results] == list(range(9))
    assert os.getpid() not in {pid for pid, _ in results}


def test_tasks_are_mapped_alike_where_spark_is_reached_through_connect(spark, monkeypatch):
    monkeypatch.setattr("jobs.engine.spark_engine.is_classic", lambda session: False)
    assert SparkEngine(spark).map_tasks(len, ["a" * number for number in range(9)]) == list(range(9))


def test_no_tasks_need_no_cluster():
    assert SparkEngine(None).map_tasks(str, []) == []


def test_an_error_of_a_task_arrives_as_it_was_raised(spark, capfd):
    def check(task):
        if task == 1:
            raise CorruptIndexError("shard 1: expected a, got b")

    with pytest.raises(CorruptIndexError, match=r"^shard 1: expected a, got b$"):
        SparkEngine(spark).map_tasks(check, [0, 1, 2])
    assert "Traceback" not in capfd.readouterr().err


def test_a_function_sees_every_row_of_its_partition(spark):
    def count(batches):
        return sum(len(batch) for batch in batches)

    assert map_partitions(spark.range(0, 100, 1, 4), count) == [25, 25, 25, 25]


def test_a_terminal_shows_how_many_tasks_are_done(spark, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    def wait(task):
        time.sleep(1)

    monkeypatch.setattr("sys.stderr", Terminal())
    SparkEngine(spark).map_tasks(wait, [0, 1, 2], "search")
    assert re.search(r"search: \d/3 tasks", sys.stderr.getvalue())


def test_a_running_session_is_used(spark):
    assert session(SparkConfig(master="local[1]"), "another") is spark


def test_a_missing_java_is_named_with_what_to_install(monkeypatch, tmp_path):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match=r"Java is not found; Spark needs Java 17.*apt install"):
        check_java()


@pytest.mark.parametrize(("said", "version"), [('java version "1.8.0_392"', 8), ('openjdk version "11.0.2"', 11)])
def test_an_old_java_is_refused_with_its_version(monkeypatch, tmp_path, said, version):
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MissingExtraError, match=f"Java {version} is too old"):
        check_java()


SEARCHING = """
import os, sys
import numpy as np
from hashcore import hamming
from jobs import cli, search
from jobs.engine.choice import engine_of

folder = sys.argv[1]

def task(number):
    codes = np.random.default_rng(0).integers(0, 256, (100_000, 128), np.uint8)
    with open(f"{folder}/{os.getpid()}.pid", "w"):
        hamming.knn_search(codes, np.repeat(codes, 10, axis=0), 10)  # takes a quarter of an hour

def run(pipeline):
    engine_of(pipeline, "a").map_tasks(task, [1, 2])

search.run = run
sys.exit(cli.main(["search", "--config", f"{folder}/a.yaml"]))
"""


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]


def until(condition, seconds=60):
    for _ in range(10 * seconds):
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_ctrl_c_ends_a_verb_on_spark_in_one_line_and_its_tasks_with_it(tmp_path):
    (tmp_path / "a.yaml").write_text('name: a\nengine: spark\nspark: {master: "local[2]", driver_memory: 1g}')
    process = subprocess.Popen(
        [sys.executable, "-c", SEARCHING, str(tmp_path)], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert until(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
        os.killpg(process.pid, signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode == 130, said
    lines = [line for line in said.splitlines() if "incubator" not in line]  # Java's, when it starts
    assert lines == ["hashcore search: interrupted; the same command goes on where it stopped"]
    assert until(lambda: not any(is_alive(int(path.stem)) for path in tmp_path.glob("*.pid")))


def test_an_interrupted_map_cancels_its_tasks_and_the_session_goes_on(spark, tmp_path):
    def search(number):
        codes = np.random.default_rng(0).integers(0, 256, (100_000, 128), np.uint8)
        (tmp_path / f"{os.getpid()}.pid").touch()
        hamming.knn_search(codes, np.repeat(codes, 10, axis=0), 10)

    def interrupt():
        assert until(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
        os.kill(os.getpid(), signal.SIGINT)

    waiting = threading.Thread(target=interrupt)
    waiting.start()
    with pytest.raises(KeyboardInterrupt):
        SparkEngine(spark).map_tasks(search, [1, 2])
    waiting.join()
    assert until(lambda: not any(is_alive(int(path.stem)) for path in tmp_path.glob("*.pid")))
    assert SparkEngine(spark).map_tasks(str, [1, 2]) == ["1", "2"]
