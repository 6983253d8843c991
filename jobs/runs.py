"""List what the jobs of a pipeline did: when, how long, how much, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence

from jobs import cli
from jobs.config.pipeline import Pipeline
from jobs.telemetry.progress import duration, table
from jobs.telemetry.run_record import FOLDER, Run, listed

HEADER = ("started", "job", "state", "time", "rows", "rejected", "MiB", "peak MiB", "longest stage")
MIB = 1 << 20


def run(pipeline: Pipeline) -> None:
    """Print a line for each run below the pipeline's root, the oldest first."""
    runs = listed(pipeline.root)
    print(table([HEADER, *map(line, runs)]) if runs else f"no run yet below {pipeline.root}")
    for failed in unmended(runs):
        print(f"{failed.started:%Y-%m-%d %H:%M:%S} {failed.job}: {failed.error}")
    if runs:
        print(f"{len(runs)} runs -> {pipeline.root}/{FOLDER}")


def unmended(runs: Sequence[Run]) -> list[Run]:
    """Return the runs that failed and whose job has not ended well since, in their order."""
    well = {run.job: run.started for run in runs if run.state in ("done", "nothing to do")}
    return [run for run in runs if run.error and (run.job not in well or run.started > well[run.job])]


def line(run: Run) -> tuple[str, ...]:
    """Return a run as cells."""
    longest = max(run.stages, key=lambda name: run.stages[name], default="")
    return (
        f"{run.started:%Y-%m-%d %H:%M:%S}",
        run.job,
        "at work or killed" if run.state == "begun" else run.state,
        duration(run.seconds),
        f"{run.rows:,}",
        f"{run.rejected:,}",
        f"{run.bytes / MIB:,.1f}",
        f"{run.peak_memory_bytes / MIB:,.0f}",
        f"{longest} {duration(run.stages[longest])}" if longest else "",
    )


if __name__ == "__main__":
    cli.script("runs")
