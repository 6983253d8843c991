"""Environment variables that Spark and Ray read, looked at before these start: each wrong one is told in one line."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from hashcore.errors import ConfigError, HashcoreError

ANSWERS_S = 10
SPARK_JAR = re.compile(r"spark-core_.*-(\d+\.\d+)[^/]*\.jar")


def check_spark_home() -> None:
    """Look at $SPARK_HOME, if it is set.

    Raises:
        ConfigError: If it holds no Spark, or one of another version than PySpark.
    """
    home = os.environ.get("SPARK_HOME")
    if home is None:
        return
    unset = "correct it, or unset it to use the Spark that comes with PySpark"
    if not os.path.isfile(os.path.join(home, "bin", "spark-submit")):
        raise ConfigError(f"SPARK_HOME={home} holds no bin/spark-submit; {unset}")
    import pyspark

    jars = os.path.join(home, "jars")
    found = {match.group(1) for name in _names(jars) if (match := SPARK_JAR.fullmatch(name))}
    wanted = ".".join(pyspark.__version__.split(".")[:2])
    if found and wanted not in found:
        raise ConfigError(f"SPARK_HOME={home} holds Spark {min(found)} and PySpark is {wanted}; {unset}")


def check_ray_address() -> None:
    """Look whether anything answers at $RAY_ADDRESS, for which Ray itself would wait minutes.

    Raises:
        ConfigError: If nothing does.
    """
    address = os.environ.get("RAY_ADDRESS", "")
    found = re.fullmatch(r"(?:ray://)?(\[.*\]|[^:/]+):(\d+)", address)
    if found is None:
        return  # `auto`, `local`, or what Ray refuses by itself
    try:
        socket.create_connection((found.group(1).strip("[]"), int(found.group(2))), timeout=ANSWERS_S).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"RAY_ADDRESS={address}: no Ray answers there ({error}); correct it, or unset it to start Ray here"
        ) from None


def _names(folder: str) -> list[str]:
    """Return the names in a folder, none where there is no folder."""
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


@contextmanager
def starting(program: str, look_at: str) -> Iterator[None]:
    """Say in one line why a program does not start.

    Args:
        program: Its name.
        look_at: Variables and options that decide how it starts.

    Raises:
        ConfigError: With the first line of what the program says.
    """
    try:
        yield
    except HashcoreError:
        raise
    except Exception as error:
        said = getattr(error, "java_exception", None)
        lines = str(said.toString() if said is not None else error).strip().splitlines()
        reason = lines[0] if lines else type(error).__name__
        raise ConfigError(f"{program} does not start ({reason[:300]}); correct {look_at}") from None
