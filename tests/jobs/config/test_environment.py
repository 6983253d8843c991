"""Variables of the environment that lead nowhere: one line each, soon, before Spark or Ray start."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from hashcore.errors import ConfigError, MissingExtraError
from jobs.config.environment import check_ray_address, check_spark_home, starting
from jobs.config.sections.train import TrainConfig
from jobs.engine import java
from jobs.training.on_ray import cluster


def test_a_spark_home_without_spark_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=rf"SPARK_HOME={tmp_path} holds no bin/spark-submit; correct it, or unset"):
        check_spark_home()


@pytest.mark.parametrize(("version", "fits"), [("3.5.1", False), (None, True)])
def test_a_spark_home_of_another_version_is_named(monkeypatch, tmp_path, version, fits):
    import pyspark

    for name in ("bin/spark-submit", f"jars/spark-core_2.13-{version or pyspark.__version__}.jar"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    if fits:
        check_spark_home()
        return
    with pytest.raises(ConfigError, match=r"holds Spark 3\.5 and PySpark is \d"):
        check_spark_home()


def test_the_session_looks_at_spark_home_before_it_starts_java():
    names = "from jobs.config.sections.spark import SparkConfig; from jobs.engine.spark import session"
    done = subprocess.run(
        [sys.executable, "-c", f"{names}; session(SparkConfig(), 'x')"],
        env={**os.environ, "SPARK_HOME": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr.strip().splitlines()[-1].startswith("hashcore.errors.ConfigError: SPARK_HOME=/nowhere holds no")


def test_a_java_home_without_java_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MissingExtraError, match=rf"Java is not found in JAVA_HOME={tmp_path}; Spark needs Java"):
        java.check_java()


def fail(error):
    raise error


def test_why_a_program_does_not_start_is_one_line():
    with (
        pytest.raises(ConfigError, match=r"Spark does not start \(no master\); correct the section spark") as caught,
        starting("Spark", "the section spark"),
    ):
        fail(RuntimeError("no master\n\tat java.lang.Thread"))
    assert "\n" not in str(caught.value)
    with pytest.raises(MissingExtraError, match=r"^as it was$"), starting("Spark", "the section spark"):
        fail(MissingExtraError("as it was"))


def test_a_ray_address_where_nothing_answers_is_named_at_once(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        check_ray_address()  # something listens
    for given in (address, f"ray://{address}", "no-such-host.invalid:6379"):
        monkeypatch.setenv("RAY_ADDRESS", given)
        with pytest.raises(
            ConfigError, match=rf"RAY_ADDRESS={given}: no Ray answers there \(.*\); correct it, or unset"
        ):
            check_ray_address()


@pytest.mark.parametrize("given", ["nonsense", "127.0.0.1:9"])
def test_a_ray_that_is_not_there_is_named_before_training(monkeypatch, given):
    import ray

    if ray.is_initialized():
        pytest.skip("a Ray of another test runs, which is used whatever the address")
    monkeypatch.setenv("RAY_ADDRESS", given)
    with pytest.raises(ConfigError, match=r"RAY_ADDRESS") as caught, cluster(TrainConfig()):
        pass
    assert "\n" not in str(caught.value)
