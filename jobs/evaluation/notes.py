"""What is to be known of all figures of an evaluation before any of them is believed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hashcore import files
from jobs.pipeline.distinct import told

if TYPE_CHECKING:
    from jobs.evaluation.metrics import Setting
    from jobs.pipeline.config import Pipeline


def notes_of(pipeline: Pipeline, setting: Setting, *, has_votes: bool) -> list[str]:
    """Return what is to be known of all figures, the gravest first."""
    config, few = pipeline.evaluate, told(setting.distinct_codes, setting.database_size, setting.code_length)
    notes = [few] if few else []
    if setting.queries_in_database:
        of_all = f"{setting.queries_in_database:,} of {setting.queries:,} queries have the id of an item"
        other = files.beside(pipeline.paths.metrics, f"{Path(pipeline.paths.metrics).stem}-exclude-self.json")
        notes.append(
            f"{of_all}, which was left out of their rankings"
            if config.exclude_self
            else f"{of_all} and find themselves; if they are these items, leave them out by --set "
            f"evaluate.exclude_self=true --set paths.metrics={other}"
        )
    if config.knn and not has_votes:
        notes.append("no k-NN error: a query or an item has not exactly one label")
    return notes
