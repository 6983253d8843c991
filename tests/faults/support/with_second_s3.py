"""Run tests against a second S3 server, ministack, which lives in an environment of its own since it pins botocore.

`python tests/faults/support/with_second_s3.py TEST...`; $S3_PYTHON is the Python that has ministack.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

STARTS_S = 60


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Return once somebody listens at a port."""
    for _ in range(10 * STARTS_S):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"ministack does not listen at port {port} after {STARTS_S} s")


if __name__ == "__main__":
    port = free_port()
    program = Path(os.environ["S3_PYTHON"]).absolute().with_name("ministack")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([program], env={**os.environ, "GATEWAY_PORT": str(port)}, **quiet)
    try:
        wait_for(port)
        given = {**os.environ, "HASHCORE_TEST_S3": f"http://127.0.0.1:{port}"}
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", *sys.argv[1:]], env=given, check=False)
    finally:
        server.terminate()
        server.wait()
    sys.exit(done.returncode)
