"""Run a whole pipeline, each stage by its own job: from a corpus to a searched, evaluated and shown index."""

from __future__ import annotations

import time

from hashcore.storage import files
from jobs import cli, encode, evaluate, index, report, search, train
from jobs.config.pipeline import Pipeline
from jobs.corpora import standard_sets
from jobs.importing import import_codes
from jobs.stages.codes_directory import INFO
from jobs.telemetry.progress import duration

LEARNED = (standard_sets, train, encode)
IMPORTED = (import_codes,)
SEARCHED = (index, search, evaluate, report)


def run(pipeline: Pipeline) -> None:
    """Run the stages that are not done yet; those that the configuration or the corpus leaves out are passed over."""
    started_s = time.monotonic()
    for stage in (*(IMPORTED if pipeline.import_.codes else LEARNED), *SEARCHED):
        name, began_s = stage.__name__.rpartition(".")[2], time.monotonic()
        if why := passed_over(name, pipeline):
            print(f"{name}: passed over, since {why}", flush=True)
            continue
        stage.run(pipeline)
        print(f"{name}: {duration(time.monotonic() - began_s)}", flush=True)
        if stage is report:
            print(f"report: {pipeline.paths.report}")
    print(f"all of {pipeline.name}: {duration(time.monotonic() - started_s)}")


def passed_over(stage: str, pipeline: Pipeline) -> str:
    """Return why a stage that comes after `encode` cannot be; "" where it can."""
    if stage not in ("search", "evaluate", "report"):
        return ""
    is_imported, place = pipeline.import_.codes is not None, pipeline.paths.corpus_queries
    if not files.exists(files.join(pipeline.paths.codes_queries, INFO)):
        return "import.queries is not given" if is_imported else f"there are no queries at {place}"
    if stage == "search":
        is_asked = pipeline.search.k is not None or pipeline.search.radius is not None
        return "" if is_asked else "neither search.k nor search.radius is given"
    if is_imported:
        return "" if pipeline.import_.labels else "import.labels=null: figures need labels"
    if pipeline.corpus.labels is None:
        return "corpus.labels=null: figures need labels"
    unlabelled = [part for part in ("database", "queries") if not pipeline.encode.part(part).labelled]
    return f"encode.{unlabelled[0]}.labelled=false: figures need labels" if unlabelled else ""


if __name__ == "__main__":
    cli.script("run")
