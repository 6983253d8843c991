"""Notes on an evaluation, to be read before any of its figures is believed."""

from __future__ import annotations

from pathlib import Path

from hashcore.storage import files
from jobs.config.pipeline import Pipeline
from jobs.evaluation.metrics import Setting
from jobs.stages.distinct import told


def notes_of(pipeline: Pipeline, setting: Setting, *, has_votes: bool) -> list[str]:
    """Return what is to be known of all figures, the gravest first; the same wherever the pipeline lies."""
    few = told(setting.distinct_codes, setting.database_size, setting.code_length)
    notes = [few] if few else []
    if setting.queries_in_database:
        others = (
            ", which was left out of their rankings"
            if pipeline.evaluate.exclude_self
            else " and find themselves; if they are these items, evaluate.exclude_self=true leaves them out"
        )
        notes.append(f"{setting.queries_in_database:,} of {setting.queries:,} queries have the id of an item{others}")
    if pipeline.evaluate.knn and not has_votes:
        notes.append("no k-NN error: a query or an item has not exactly one label")
    return notes


def how_to_exclude(pipeline: Pipeline, setting: Setting) -> str | None:
    """Return a line that says what to type so that queries do not find themselves, None where none does."""
    if pipeline.evaluate.exclude_self or not setting.queries_in_database:
        return None
    path = pipeline.paths.metrics
    other = files.beside(path, f"{Path(path).stem}-exclude-self.json")
    return f"without themselves: --set evaluate.exclude_self=true --set paths.metrics={other}"
