"""The record of a run: what it says, and where it lies: `<root>/runs/<start>-<job>.run.json`.

`<start>-<job>.begun.json` is there from the start: a run that has nothing else is still at work, or was killed.
"""

from __future__ import annotations

import errno
import logging
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Literal

from pydantic import Field, ValidationError

from hashcore.errors import HashcoreError, StorageError
from hashcore.spec import Spec
from hashcore.storage import files
from jobs.config.pipeline import Pipeline

log = logging.getLogger(__name__)

FOLDER = "runs"
PARTS = ("numpy", "pyarrow", "pyspark", "ray", "torch")


class Run(Spec):
    """One run of one job, ended or not."""

    job: str
    """The verb."""
    pipeline: str
    """Name of the pipeline."""
    state: Literal["begun", "done", "nothing to do", "failed", "interrupted"]
    """`begun` stays where a run was killed."""
    started: datetime
    """When, in UTC."""
    seconds: float = 0.0
    """From start to end."""
    fingerprint: str
    """Of the whole resolved configuration."""
    inputs: dict[str, str] = Field(default={})
    """Fingerprint of each place that was read."""
    outputs: dict[str, str] = Field(default={})
    """Fingerprint of each place that was written."""
    versions: dict[str, str] = Field(default={})
    """Of this package, Python, and the libraries that were loaded."""
    rows: int = 0
    """Items, neighbors or queries: what the job counts in its last line."""
    rejected: int = 0
    """Rows set aside."""
    figures: dict[str, float] = Field(default={})
    """Of a training: loss, share of triplets ranked wrongly, distinct codes, constant bits, and the like."""
    bytes: int = 0
    """Of all files written."""
    counts: dict[str, int] = Field(default={})
    """What else the job counted, such as `absent_ids`, `removed_bytes`, `verified_bytes`."""
    stages: dict[str, float] = Field(default={})
    """Seconds of each, in their order; a stage that came twice is added up."""
    peak_memory_bytes: int = 0
    """The most that one process held: this one, its children, or a worker of Spark."""
    error: str | None = None
    """The line that was told."""


def begin(job: str, pipeline: Pipeline) -> Run:
    """Return the record of a run that begins now."""
    fingerprint = pipeline.fingerprint(*type(pipeline).model_fields)
    return Run(job=job, pipeline=pipeline.name, state="begun", started=datetime.now(UTC), fingerprint=fingerprint)


def versions() -> dict[str, str]:
    """Return the versions of what runs here."""
    found = {"python": python_version()}
    for name in ("hashcore", *(part for part in PARTS if part in sys.modules)):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "from its source"
    return found


def keep(root: str, name: str, content: str) -> bool:
    """Write a file of the record and return whether it is there; what prevents it is logged.

    Raises:
        StorageError: If the root is in a bucket that does not exist or answers nobody: no job can go on there. Where
            only writing is refused, one may.
    """
    from indexer import open_store

    try:
        return open_store(f"{root}/{FOLDER}").put_new(name, f"{content}\n".encode())
    except (HashcoreError, OSError) as error:
        if files.is_uri(root) and isinstance(error, StorageError) and error.errno != errno.EACCES:
            raise
        log.warning("the record of this run cannot be written: %s", error)
        return False


def listed(root: str) -> list[Run]:
    """Return the runs below a pipeline's root, the oldest first; one that is at work or was killed is `begun`."""
    from indexer import open_store

    store = open_store(f"{root}/{FOLDER}")
    found: dict[str, Run] = {}
    for entry in store.entries(""):
        key, _, kind = entry.name.partition(".")
        if kind == "run.json" or (kind == "begun.json" and key not in found):
            try:
                found[key] = Run.model_validate_json(store.get(entry.name) or b"")
            except ValidationError:
                log.warning("%s/%s/%s is no record of a run", root, FOLDER, entry.name)
    return [found[key] for key in sorted(found)]
