"""How the tests of the cluster submit jobs: to two executors that have the archive, and nothing of the source tree.

`make test-cluster` builds wheel, environment and archive, and says where they are.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pyspark

ENVIRONMENT, ARCHIVE = Path(os.environ["HASHCORE_ENVIRONMENT"]), Path(os.environ["HASHCORE_ARCHIVE"])
SPARK_HOME = Path(pyspark.__file__).parent
INSTALLED = next(ENVIRONMENT.glob("lib/python*/site-packages/jobs"))
UNPACKED = re.compile(r"/work/app-[\d-]+/\d+/environment(/|$)")  # the folder of one executor
LIMIT_S = 900  # a busy machine is no failure


def submit(script, *arguments, folder):
    """Start spark-submit in a folder outside of the source tree, with nothing of it on any path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}
    environment |= {"SPARK_HOME": str(SPARK_HOME), "PYSPARK_DRIVER_PYTHON": str(ENVIRONMENT / "bin" / "python")}
    environment["PYSPARK_PYTHON"] = "./environment/bin/python"
    command = [SPARK_HOME / "bin" / "spark-submit", "--master", "local-cluster[2,1,2048]"]
    command += ["--archives", f"{ARCHIVE}#environment", "--conf", "spark.executor.memory=1g"]
    command += ["--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.ui.enabled=false"]
    return subprocess.Popen(
        [*command, script, *arguments], cwd=folder, env=environment, text=True, stdout=-1, stderr=-1
    )


def ended(job):
    """Return what a job printed; fail if it did."""
    said, wrong = job.communicate(timeout=LIMIT_S)
    assert job.returncode == 0, wrong[-2000:]
    return said


def run(verb, root):
    """Submit a verb of the pipeline `a.yaml` below a root, and return what it printed."""
    return ended(submit(INSTALLED / f"{verb}.py", "--config", root / "a.yaml", folder=root))


def run_and_kill_an_executor(verb, root, is_at_work):
    """Do as `run`, and kill one of the two executors as soon as `is_at_work()`."""
    job = submit(INSTALLED / f"{verb}.py", "--config", root / "a.yaml", folder=root)
    deadline = time.monotonic() + LIMIT_S
    while not is_at_work():
        assert job.poll() is None, f"ended before an executor could be killed: {job.communicate()}"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    victims = executors(SPARK_HOME) or executors(root)
    assert len(victims) == 2
    os.kill(victims[0], signal.SIGKILL)
    return ended(job)


def executors(root):
    """Return the processes of the executors that a spark-submit has started."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if "CoarseGrainedExecutorBackend" in line and str(root) in os.readlink(place / "cwd"):
            found.append(int(place.name))
    return found
