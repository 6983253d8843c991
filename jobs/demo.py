"""Run a whole pipeline, each stage by its own job: from images to a searched, evaluated and shown index."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from jobs import encode, evaluate, index, report, search, train
from jobs.corpora import corpus
from jobs.pipeline.progress import duration

if TYPE_CHECKING:
    from jobs.evaluation.metrics import Figure, Metrics
    from jobs.pipeline.config import Pipeline

STAGES = (corpus, train, encode, index, search, evaluate, report)


def run(pipeline: Pipeline) -> None:
    """Run the stages that are not done yet, and print what came of it."""
    started_s = time.monotonic()
    for stage in STAGES:
        began_s = time.monotonic()
        stage.run(pipeline)
        print(f"{stage.__name__.rpartition('.')[2]}: {duration(time.monotonic() - began_s)}", flush=True)
    from jobs.evaluation import metrics

    print(summary(metrics.read(pipeline.paths.metrics)))
    print(f"report: {pipeline.paths.report}")
    print(f"all of {pipeline.name}: {duration(time.monotonic() - started_s)}")


def summary(found: Metrics) -> str:
    """Return the figures that a first look asks for, a line each."""
    wanted = [name for name in found.figures if name in ("mAP", "P(r<=2)") or name.startswith("kNN error")]
    return "\n".join(f"{name}: {describe(found.figures[name])}" for name in wanted)


def describe(figure: Figure) -> str:
    """Return the value of a figure, with its bounds over the orders of ties where it has them."""
    if figure.value is None:
        return "not defined"
    if figure.worst is None or figure.best is None:
        return f"{figure.value:.4f}"
    return f"{figure.value:.4f} ({figure.worst:.4f} to {figure.best:.4f} by the order of ties)"


if __name__ == "__main__":
    from jobs import cli

    sys.exit(cli.main(["demo", *sys.argv[1:]]))
