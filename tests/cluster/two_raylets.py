"""Train on a Ray cluster of two raylets on this machine, one of which is removed on the way; prints what it saw.

Run by tests/cluster/test_two_raylets.py in an environment that holds the wheel: `python two_raylets.py ROOT`.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from ray.cluster_utils import Cluster

import hashcore
import jobs

SNAPSHOT = "checkpoints/ray/checkpoint_manager_snapshot.json"


def epochs(root):
    """Return the epochs that Ray Train has recorded."""
    try:
        latest = json.loads((root / SNAPSHOT).read_text())["latest_checkpoint_result"]
    except (OSError, ValueError, KeyError):
        return 0
    return latest["metrics"]["epoch"] if latest else 0


def main(root):
    """Train, remove the second raylet after some epochs, put another in its place."""
    options = {"include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, **options})
    lost = cluster.add_node(num_cpus=2)
    command = [sys.executable, "-m", "jobs.train", "--config", str(root / "a.yaml")]
    job = subprocess.Popen(command, env={**os.environ, "RAY_ADDRESS": cluster.address}, cwd=root)
    while epochs(root) < 2:
        assert job.poll() is None, "the training ended before a raylet could be removed"
        time.sleep(0.05)
    seen = epochs(root)
    cluster.remove_node(lost, allow_graceful=False)
    cluster.add_node(num_cpus=2)
    code = job.wait(timeout=400)
    cluster.shutdown()
    print(json.dumps({"code": code, "removed_after": seen, "files": [hashcore.__file__, jobs.__file__]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
