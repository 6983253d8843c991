"""A run as Prometheus text metrics, for the node exporter's textfile collector or a push gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.pipeline.run_record import Run

PREFIX = "hashcore_run"


def metrics(run: Run) -> str:
    """Return the run's figures in the text format 0.0.4, without the last line's end."""
    labels = f'job="{run.job}",pipeline="{run.pipeline}"'
    figures = {
        "success": ("1 if the run ended well", int(run.state in ("done", "nothing to do"))),
        "started_timestamp_seconds": ("When the run began", run.started.timestamp()),
        "seconds": ("From start to end", run.seconds),
        "rows": ("Items, neighbours or queries", run.rows),
        "rejected_rows": ("Rows set aside", run.rejected),
        "written_bytes": ("Bytes of all files written", run.bytes),
        "peak_memory_bytes": ("The most that one process held", run.peak_memory_bytes),
    }
    lines = []
    for name, (said, value) in figures.items():
        lines += [*_head(name, said), f"{PREFIX}_{name}{{{labels}}} {value}"]
    if run.stages:
        lines += _head("stage_seconds", "Seconds of a stage")
    lines += [f'{PREFIX}_stage_seconds{{{labels},stage="{_quoted(name)}"}} {s}' for name, s in run.stages.items()]
    if run.figures:
        lines += _head("figure", "What a training came to")
    lines += [f'{PREFIX}_figure{{{labels},figure="{_quoted(name)}"}} {value}' for name, value in run.figures.items()]
    return "\n".join(lines)


def _head(name: str, said: str) -> list[str]:
    """Return the two lines that introduce a metric."""
    return [f"# HELP {PREFIX}_{name} {said}.", f"# TYPE {PREFIX}_{name} gauge"]


def _quoted(value: str) -> str:
    """Return a label's value as the format wants it."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
