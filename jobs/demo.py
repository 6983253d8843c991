"""Run a whole pipeline, each stage by its own job: from images to a searched, evaluated and shown index."""

from __future__ import annotations

import time

from jobs import cli, encode, evaluate, index, report, search, train
from jobs.config.pipeline import Pipeline
from jobs.corpora import standard_sets
from jobs.telemetry.progress import duration

STAGES = (standard_sets, train, encode, index, search, evaluate, report)


def run(pipeline: Pipeline) -> None:
    """Run the stages that are not done yet."""
    started_s = time.monotonic()
    for stage in STAGES:
        began_s = time.monotonic()
        stage.run(pipeline)
        print(f"{stage.__name__.rpartition('.')[2]}: {duration(time.monotonic() - began_s)}", flush=True)
    print(f"report: {pipeline.paths.report}")
    print(f"all of {pipeline.name}: {duration(time.monotonic() - started_s)}")


if __name__ == "__main__":
    cli.script("demo")
