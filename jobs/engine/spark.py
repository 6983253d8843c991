"""The only place that makes a SparkSession."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hashcore.errors import require
from jobs.config.environment import check_spark_home, starting
from jobs.config.sections.spark import SparkConfig
from jobs.engine import interrupts
from jobs.engine.java import check_java

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def session(config: SparkConfig, app_name: str) -> SparkSession:
    """Return the running session, or start one.

    Raises:
        MissingExtraError: If PySpark is not installed, or Java is missing or too old.
        ConfigError: If a setting or a variable of the environment keeps it from starting.
    """
    require("pyspark", "spark")
    from pyspark.sql import SparkSession

    running = SparkSession.getActiveSession()
    if running is not None:
        return running
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ or "SPARK_REMOTE" in os.environ
    if not submitted:
        check_java()
        check_spark_home()
    builder = SparkSession.builder.appName(app_name)
    for name, value in _settings(config, submitted).items():
        builder = builder.config(name, value)
    with (
        interrupts.kept(),
        starting("Spark", "the section spark of the pipeline, and the variables SPARK_… and PYSPARK_…"),
    ):
        started = builder.getOrCreate()
    atexit.register(_stop, started)
    return started


def _stop(session: SparkSession) -> None:
    """End a session with its process; what it still runs is given up without a word."""
    with suppress(Exception):
        session.sparkContext.setLogLevel("OFF")
    session.stop()


def _settings(config: SparkConfig, submitted: bool) -> dict[str, str]:
    """Return the settings of a new session."""
    log = Path(__file__).resolve().parent / "log4j2.properties"
    settings = {
        "spark.sql.shuffle.partitions": str(config.shuffle_partitions),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.python.unix.domain.socket.enabled": "true",  # over TCP a task waits 40 ms for a delayed acknowledgement
        "spark.python.daemon.module": "jobs.engine.python_daemon",
        "spark.python.task.killTimeout": "100ms",  # for the process of a task that is cancelled
    }
    master = config.master or (None if submitted else "local[*]")
    if master:
        settings["spark.master"] = master
    if submitted:
        settings["spark.log.level"] = config.log_level
    else:
        os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
        settings |= {
            "spark.driver.memory": config.driver_memory,
            "spark.driver.extraJavaOptions": f'"-Dlog4j2.configurationFile={log}" -Dhashcore.log={config.log_level}',
            "spark.ui.enabled": str(config.ui).lower(),
            "spark.ui.showConsoleProgress": "false",
            "spark.driver.host": "127.0.0.1",  # a laptop's host name may not resolve
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.executorEnv.PYTHONPATH": _python_path(),
        }
    return settings | config.settings


def _python_path() -> str:
    """Return the PYTHONPATH on which workers of this machine find these packages, installed or not."""
    here = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join(dict.fromkeys([here, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]))
