"""Remove old generations of the index, and files that nothing refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs import cli
from jobs.config.pipeline import Pipeline
from jobs.telemetry import run_notes
from jobs.telemetry.run_notes import recorded

if TYPE_CHECKING:
    from indexer import Removed


@recorded
def run(pipeline: Pipeline) -> None:
    """Vacuum the index of a pipeline.

    Raises:
        InvalidInputError: If there is no index.
    """
    import indexer

    config, root = pipeline.vacuum, pipeline.paths.index
    removed = indexer.open(root).vacuum(config.keep, older_than_s=3600 * config.older_than_h)
    if any(removed):
        run_notes.worked()
    run_notes.count(
        removed_generations=removed.generations,
        removed_files=removed.files,
        removed_bytes=removed.bytes,
        removed_unfinished_files=removed.unfinished,
    )
    print(f"vacuum: {_told(removed)} -> {root}")


def _told(removed: Removed) -> str:
    """Say what was removed; a generation can go while every shard it listed is one of a kept generation, too."""
    if not any(removed):
        return "nothing to remove"
    shared = ", which shared all their files with kept ones" if removed.generations and not removed.files else ""
    parts = [
        f"{removed.generations} generations{shared}" if removed.generations else "",
        f"{removed.files} files of {removed.bytes:,} bytes" if removed.files else "",
        f"{removed.unfinished} unfinished files" if removed.unfinished else "",
    ]
    return f"removed {', '.join(filter(None, parts))}"


if __name__ == "__main__":
    cli.script("vacuum")
