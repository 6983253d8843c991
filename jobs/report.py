"""Show the figures on one page that needs nothing beside itself: numbers, curves, and pictures of neighbors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import yaml

from hashcore.errors import require
from hashcore.evaluation.measure import WithinRadius, parse
from hashcore.storage import files
from jobs import cli
from jobs.config.pipeline import Pipeline
from jobs.evaluation import metrics
from jobs.evaluation.metrics import Example, Metrics
from jobs.page.charts import charts
from jobs.page.thumbnails import Picture, thumbnails
from jobs.stages import records
from jobs.stages.stage import Stage
from jobs.telemetry.run_notes import recorded

TEMPLATE = "report.html.j2"
HEADLINES = ("mAP", "P(r<=", "kNN error")
CHOSEN = {"random": "Drawn at random", "worst": "Lowest average precision"}
RADII = (0, 1, 2, 3, 4, 6, 8, 12, 16)


class Gallery(NamedTuple):
    """Examples under one heading, with the pictures of queries and of items by id."""

    title: str
    examples: list[Example]
    query_pictures: dict[int | str, Picture]
    item_pictures: dict[int | str, Picture]


@recorded
def run(pipeline: Pipeline) -> str:
    """Write `report.html` of the pipeline's metrics, unless it is there already, and return its path.

    Raises:
        InvalidInputError: If the metrics are missing.
        MissingExtraError: If jinja2, matplotlib or pillow is not installed.
        OutputError: If the place holds something else.
    """
    for module in ("jinja2", "matplotlib", "PIL"):
        require(module, "report")
    pipeline = pipeline.of_current_generation()
    paths = pipeline.paths
    found = metrics.read(paths.metrics)
    inputs = {"metrics": records.fingerprint_of(paths.metrics)}
    stage = Stage.of(pipeline, "report", paths.report, ("report",), inputs)
    if not stage.is_finished():
        page = render(pipeline, found)
        with stage.writing() as staging:
            Path(staging).write_text(page, encoding="utf-8")
    stage.done(f"{len(found.figures)} figures")
    return paths.report


def render(pipeline: Pipeline, found: Metrics) -> str:
    """Return the page as HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("jobs.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": _figure, "count": _count, "name": _name}
    return environment.get_template(TEMPLATE).render(
        title=pipeline.report.title or pipeline.name,
        metrics=found,
        headlines=headlines(found),
        charts=charts(found.curves),
        radii=[radius for radius in RADII if radius <= found.setting.code_length],
        galleries=galleries(pipeline, found.examples),
        configuration=yaml.safe_dump(pipeline.model_dump(mode="json"), sort_keys=False, width=100),
        hasher=_hasher(pipeline.paths.hasher),
        fingerprints=_fingerprints(pipeline),
    )


def headlines(found: Metrics) -> list[str]:
    """Return the names of the figures to show large: of each kind the first that was wanted and says something."""
    telling = [name for name in found.figures if _is_answered(found, name)]
    first = (next((name for name in telling if name.startswith(kind)), None) for kind in HEADLINES)
    return [name for name in first if name is not None]


def _is_answered(found: Metrics, name: str) -> bool:
    """Return whether half of the queries find anything within the radius of a figure, if it has one."""
    measure = None if name.startswith("kNN") else parse(name)
    return not isinstance(measure, WithinRadius) or (found.curves.answered[measure.radius] or 0) >= 0.5


def galleries(pipeline: Pipeline, examples: list[Example]) -> list[Gallery]:
    """Return the drawn and the worst queries with pictures of themselves and of their neighbors.

    Empty if the corpora have no images.
    """
    config, paths, pixels = pipeline.corpus, pipeline.paths, pipeline.report.thumbnail_pixels
    asked, found = (pipeline.encode.column_of(part) for part in ("queries", "database"))
    neighbors = {shown.id for example in examples for shown in example.neighbors}
    queries = thumbnails(paths.corpus_queries, config.id, asked, (each.id for each in examples), pixels, config)
    items = thumbnails(paths.corpus_database, config.id, found, neighbors, pixels, config)
    if not queries or not items:
        return []
    groups = ((title, [each for each in examples if each.chosen == kind]) for kind, title in CHOSEN.items())
    return [Gallery(title, group, queries, items) for title, group in groups if group]


def _figure(value: float | None, digits: int = 4) -> str:
    """Return a value with a fixed number of digits, a dash where it is not defined."""
    return "–" if value is None else f"{value:.{digits}f}"


def _count(number: int) -> str:
    """Return a number with its thousands apart."""
    return f"{number:,}"


def _name(measure: str) -> str:
    """Return a measure's name as print has it."""
    return measure.replace("<=", " ≤ ").replace("kNN", "k-NN")


def _hasher(path: str) -> str | None:
    """Return what a hasher's directory tells about it, None where there is none."""
    try:
        return json.dumps(json.loads(files.read_bytes(files.join(path, "hasher.json")) or b""), indent=2)
    except (OSError, ValueError):
        return None


def _fingerprints(pipeline: Pipeline) -> dict[str, str]:
    """Return the fingerprint of each output that this page stands on, by its stage."""
    paths = pipeline.paths
    stages = {
        "corpus": paths.corpus_database,
        "training": paths.hasher,
        "codes of the database": paths.codes_database,
        "codes of the queries": paths.codes_queries,
        "index": paths.index,
        "metrics": paths.metrics,
    }
    found = {stage: records.read(path) for stage, path in stages.items() if files.exists(path)}
    return {stage: record.fingerprint for stage, record in found.items() if record is not None}


if __name__ == "__main__":
    cli.script("report")
