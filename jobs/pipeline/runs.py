"""What every run of a job leaves behind: `<root>/runs/<start>-<job>.run.json`, and the same as Prometheus metrics.

A job is decorated by `recorded`. What it reads and writes is noted where outputs are recorded, its stages where work is
mapped; it adds rows and rejected rows itself. `<start>-<job>.begun.json` is there from the start: a run that has
nothing else is still at work, or was killed.
"""

from __future__ import annotations

import logging
import resource
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import wraps
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import TYPE_CHECKING, Literal, TypeVar

from pydantic import Field, ValidationError

from hashcore import files
from hashcore.errors import HashcoreError
from jobs.pipeline.prometheus import metrics
from jobs.pipeline.section import Section

if TYPE_CHECKING:
    from jobs.pipeline.config import Pipeline

Result = TypeVar("Result")

log = logging.getLogger(__name__)

FOLDER = "runs"
PARTS = ("numpy", "pyarrow", "pyspark", "ray", "torch")
KIB = 1 if sys.platform == "darwin" else 1024  # unit of ru_maxrss


class Run(Section):
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
    """Items, neighbours or queries: what the job counts in its last line."""
    rejected: int = 0
    """Rows set aside."""
    bytes: int = 0
    """Of all files written."""
    stages: dict[str, float] = Field(default={})
    """Seconds of each, in their order; a stage that came twice is added up."""
    peak_memory_bytes: int = 0
    """The most that one process held: this one, its children, or a worker of Spark."""
    error: str | None = None
    """The line that was told."""


class Notes:
    """What a run has noted so far."""

    def __init__(self) -> None:
        self.inputs: dict[str, str] = {}
        self.outputs: dict[str, str] = {}
        self.stages: dict[str, float] = {}
        self.rows = 0
        self.rejected = 0
        self.bytes = 0
        self.peak_bytes = 0


_NOTES: ContextVar[Notes | None] = ContextVar("notes", default=None)


def recorded(job: Callable[[Pipeline], Result]) -> Callable[[Pipeline], Result]:
    """Let a job's `run` leave a record, however it ends; a record that cannot be written is no reason to fail."""
    name = job.__module__.rpartition(".")[2]

    @wraps(job)
    def run(pipeline: Pipeline) -> Result:
        begun = _begin(name, pipeline)
        key = f"{begun.started:%Y%m%dT%H%M%S%fZ}-{begun.job}-{secrets.token_hex(2)}"
        _keep(pipeline.root, f"{key}.begun.json", begun.model_dump_json(indent=1))
        notes, clock = Notes(), time.monotonic()
        token, state, error = _NOTES.set(notes), "failed", None
        try:
            result = job(pipeline)
            state = "done" if notes.outputs else "nothing to do"
            return result
        except HashcoreError as caught:
            error = " ".join(str(caught).split())
            raise
        except KeyboardInterrupt:
            state = "interrupted"
            raise
        except Exception as caught:
            error = repr(caught)
            raise
        finally:
            _NOTES.reset(token)
            ended = _end(begun, notes, state, error, time.monotonic() - clock)
            _keep(pipeline.root, f"{key}.prom", metrics(ended))
            _keep(pipeline.root, f"{key}.run.json", ended.model_dump_json(indent=1))

    return run


def reads(path: str, fingerprint: str) -> None:
    """Note a place that the running job reads."""
    if notes := _NOTES.get():
        notes.inputs[path] = fingerprint


def writes(path: str, fingerprint: str) -> None:
    """Note a place that the running job wrote, and the bytes that lie there."""
    if notes := _NOTES.get():
        notes.outputs[path] = fingerprint
        notes.bytes += _size_bytes(path)


def count(*, rows: int = 0, rejected: int = 0) -> None:
    """Add to the running job's counts."""
    if notes := _NOTES.get():
        notes.rows, notes.rejected = notes.rows + rows, notes.rejected + rejected


def peak(size_bytes: int) -> None:
    """Note the memory that some process of the running job held."""
    if notes := _NOTES.get():
        notes.peak_bytes = max(notes.peak_bytes, size_bytes)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Add the seconds of a block to a stage of the running job."""
    began_s = time.monotonic()
    try:
        yield
    finally:
        if notes := _NOTES.get():
            notes.stages[name] = notes.stages.get(name, 0.0) + time.monotonic() - began_s


def process_peak_bytes() -> int:
    """Return the most memory that this process, or one of its ended children, has held."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return KIB * max(resource.getrusage(kind).ru_maxrss for kind in kinds)


def listed(root: str) -> list[Run]:
    """Return the runs below a pipeline's root, the oldest first; one that is at work or was killed is `begun`."""
    from indexer.store import open_store

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


def _size_bytes(path: str) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    return sum(size for _, size, _ in files.states(path)) if files.exists(path) else 0


def _begin(job: str, pipeline: Pipeline) -> Run:
    """Return the record of a run that begins now."""
    fingerprint = pipeline.fingerprint(*type(pipeline).model_fields)
    return Run(job=job, pipeline=pipeline.name, state="begun", started=datetime.now(UTC), fingerprint=fingerprint)


def _end(begun: Run, notes: Notes, state: str, error: str | None, seconds: float) -> Run:
    """Return the record of a run that ends now."""
    return Run.model_validate(
        begun.model_dump()
        | {
            "state": state,
            "seconds": round(seconds, 3),
            "inputs": notes.inputs,
            "outputs": notes.outputs,
            "versions": _versions(),
            "rows": notes.rows,
            "rejected": notes.rejected,
            "bytes": notes.bytes,
            "stages": {name: round(taken, 3) for name, taken in notes.stages.items()},
            "peak_memory_bytes": max(notes.peak_bytes, process_peak_bytes()),
            "error": error,
        }
    )


def _versions() -> dict[str, str]:
    """Return the versions of what runs here."""
    found = {"python": python_version()}
    for name in ("hashcore", *(part for part in PARTS if part in sys.modules)):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "from its source"
    return found


def _keep(root: str, name: str, content: str) -> None:
    """Write a file of the record; what prevents it is logged."""
    from indexer.store import open_store

    try:
        open_store(f"{root}/{FOLDER}").put_new(name, f"{content}\n".encode())
    except (HashcoreError, OSError) as error:
        log.warning("the record of this run cannot be written: %s", error)
