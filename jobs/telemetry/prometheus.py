"""A run as Prometheus text metrics, for the node exporter's textfile collector or a push gateway.

Each job of a pipeline has one set of figures, `<root>/runs/<job>.prom`, that of its last run: a run that begins takes
the place of the one before, so that a run that was killed is seen.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from hashcore.errors import HashcoreError
from hashcore.storage import files
from jobs.telemetry.run_record import FOLDER, Run

log = logging.getLogger(__name__)

PREFIX = "hashcore_run"
LAST_SUCCESS = "last_success_timestamp_seconds"


def put_metrics(root: str, run: Run) -> None:
    """Write the metrics of a run that begins or ends; what prevents it is logged."""
    path = files.join(root, FOLDER, f"{run.job}.prom")
    try:
        before = (files.read_bytes(path) or b"").decode(errors="replace")
        files.write_bytes(path, f"{metrics(run, last_success(before))}\n".encode())
    except (HashcoreError, OSError) as error:
        log.warning("the metrics of this run cannot be written: %s", error)


def metrics(run: Run, last_success_s: float | None = None) -> str:
    """Return the run's figures in the text format 0.0.4, without the last line's end.

    Args:
        run: Ended, or begun just now.
        last_success_s: When an earlier run ended well, in seconds since 1970; None if none did.
    """
    labels = f'job="{run.job}",pipeline="{run.pipeline}"'
    ended_s = run.started.timestamp() + run.seconds
    success = run.state in ("done", "nothing to do")
    figures = {
        "success": ("1 if the last run ended well, 0 while it is at work, was killed or failed", int(success)),
        "ended": ("1 if the last run ended, 0 while it is at work or where it was killed", int(run.state != "begun")),
        LAST_SUCCESS: ("When a run ended well, 0 if none did", ended_s if success else last_success_s or 0),
        "started_timestamp_seconds": ("When the run began", run.started.timestamp()),
        "seconds": ("From start to end", run.seconds),
        "rows": ("Items, neighbors or queries", run.rows),
        "rejected_rows": ("Rows set aside", run.rejected),
        "written_bytes": ("Bytes of all files written", run.bytes),
        "peak_memory_bytes": ("The most that one process held", run.peak_memory_bytes),
    }
    lines = []
    for name, (said, value) in figures.items():
        lines += [*_head(name, said), f"{PREFIX}_{name}{{{labels}}} {value}"]
    lines += _each("stage_seconds", "Seconds of a stage", labels, "stage", run.stages)
    lines += _each("count", "What else the job counted", labels, "of", run.counts)
    lines += _each("figure", "What a training came to", labels, "figure", run.figures)
    return "\n".join(lines)


def last_success(text: str) -> float | None:
    """Return what metrics tell as the time of the last success, in seconds since 1970; None if they tell none."""
    found = re.search(rf"^{PREFIX}_{LAST_SUCCESS}\{{[^}}]*\}} ([\d.e+]+)$", text, re.MULTILINE)
    return float(found.group(1)) if found else None


def _each(name: str, said: str, labels: str, label: str, values: Mapping[str, float]) -> list[str]:
    """Return a metric with one more label, a line for each of its values."""
    lines = [f'{PREFIX}_{name}{{{labels},{label}="{_quoted(key)}"}} {value}' for key, value in values.items()]
    return [*_head(name, said), *lines] if lines else []


def _head(name: str, said: str) -> list[str]:
    """Return the two lines that introduce a metric."""
    return [f"# HELP {PREFIX}_{name} {said}.", f"# TYPE {PREFIX}_{name} gauge"]


def _quoted(value: str) -> str:
    """Return a label's value as the format wants it."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
