"""What the tests of the cluster share: an interpreter for Ray that has the wheel, and a swept floor at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest
from spark_submit import SPARK_HOME

HERE = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    """An interpreter that has the wheel, and of this one the other packages, but not the source tree."""
    folder = tmp_path_factory.mktemp("ray")
    venv.create(folder, with_pip=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "others.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")  # its own .pth files are not followed
    wheel = max((HERE / "dist").glob("hashcore-*.whl"), key=os.path.getmtime)
    subprocess.run([folder / "bin/python", "-m", "pip", "install", "-q", "--no-deps", wheel], check=True)
    return folder / "bin" / "python"


@pytest.fixture(scope="session", autouse=True)
def what_executors_unpack():
    """Remove what Spark's executors unpacked, once all tests have run."""
    yield
    shutil.rmtree(SPARK_HOME / "work", ignore_errors=True)
