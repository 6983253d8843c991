"""Files of a job's metrics: `<root>/runs/<job>.prom`, one a job, each run's in place of the one before."""

from __future__ import annotations

import logging

from hashcore.errors import HashcoreError
from hashcore.storage import files
from jobs.telemetry.prometheus import last_success, metrics
from jobs.telemetry.run_record import FOLDER, Run

log = logging.getLogger(__name__)


def put_metrics(root: str, run: Run) -> None:
    """Write the metrics of a run that begins or ends; what prevents it is logged."""
    path = files.join(root, FOLDER, f"{run.job}.prom")
    try:
        before = (files.read_bytes(path) or b"").decode(errors="replace")
        files.write_bytes(path, f"{metrics(run, last_success(before))}\n".encode())
    except (HashcoreError, OSError) as error:
        log.warning("the metrics of this run cannot be written: %s", error)
