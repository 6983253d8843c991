"""Notes of a running job, and `recorded`, which lets it leave a record, however it ends.

What a job reads and writes is noted where outputs are recorded, its stages where work is mapped; it adds rows and
rejected rows itself.
"""

from __future__ import annotations

import resource
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import TypeVar

from hashcore.errors import HashcoreError, one_line
from hashcore.storage import files
from jobs.config.pipeline import Pipeline
from jobs.telemetry.interruption import was_interrupted
from jobs.telemetry.prometheus import put_metrics
from jobs.telemetry.run_record import Run, begin, keep, versions

Result = TypeVar("Result")

KIB = 1 if sys.platform == "darwin" else 1024  # unit of ru_maxrss


class Notes:
    """Notes of a run so far."""

    def __init__(self) -> None:
        self.inputs: dict[str, str] = {}
        self.outputs: dict[str, str] = {}
        self.stages: dict[str, float] = {}
        self.rows = 0
        self.rejected = 0
        self.figures: dict[str, float] = {}
        self.bytes = 0
        self.peak_bytes = 0
        self.counts: dict[str, int] = {}
        self.worked = False


_NOTES: ContextVar[Notes | None] = ContextVar("notes", default=None)


def recorded(job: Callable[[Pipeline], Result]) -> Callable[[Pipeline], Result]:
    """Let a job's `run` leave a record, however it ends.

    A record that cannot be written is no reason to fail, unless nothing can be: see `keep`.
    """
    name = job.__module__.rpartition(".")[2]

    @wraps(job)
    def run(pipeline: Pipeline) -> Result:
        begun = begin(name, pipeline)
        key = f"{begun.started:%Y%m%dT%H%M%S%fZ}-{begun.job}-{secrets.token_hex(2)}"
        is_kept = keep(pipeline.root, f"{key}.begun.json", begun.model_dump_json(indent=1))
        if is_kept:
            put_metrics(pipeline.root, begun)
        notes, clock = Notes(), time.monotonic()
        token, state, error = _NOTES.set(notes), "failed", None
        try:
            result = job(pipeline)
            state = "done" if notes.outputs or notes.worked else "nothing to do"
            return result
        except HashcoreError as caught:
            error = one_line(caught, None)
            raise
        except KeyboardInterrupt:
            state = "interrupted"
            raise
        except Exception as caught:
            state, error = ("interrupted", None) if was_interrupted(caught) else (state, repr(caught))
            raise
        finally:
            _NOTES.reset(token)
            ended = _end(begun, notes, state, error, time.monotonic() - clock)
            if is_kept:
                put_metrics(pipeline.root, ended)
                keep(pipeline.root, f"{key}.run.json", ended.model_dump_json(indent=1))

    return run


def reads(path: str, fingerprint: str) -> None:
    """Note a place that the running job reads."""
    if notes := _NOTES.get():
        notes.inputs[path] = fingerprint


def writes(path: str, fingerprint: str, size_bytes: int | None = None) -> None:
    """Note a place that the running job wrote, and the bytes it wrote there: all that lie there, unless told."""
    if notes := _NOTES.get():
        notes.outputs[path] = fingerprint
        notes.bytes += files.size_bytes(path) if size_bytes is None else size_bytes


def count(*, rows: int = 0, rejected: int = 0, **others: int) -> None:
    """Add to the running job's counts: rows, rejected rows, and others by names of the job's own."""
    if notes := _NOTES.get():
        notes.rows, notes.rejected = notes.rows + rows, notes.rejected + rejected
        for name, number in others.items():
            notes.counts[name] = notes.counts.get(name, 0) + number


def worked() -> None:
    """Note that the running job did its work, though it may write nothing, as a verification does."""
    if notes := _NOTES.get():
        notes.worked = True


def figures(found: Mapping[str, float]) -> None:
    """Note figures of the running job by name."""
    if notes := _NOTES.get():
        notes.figures |= found


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


def _end(begun: Run, notes: Notes, state: str, error: str | None, seconds: float) -> Run:
    """Return the record of a run that ends now."""
    return Run.model_validate(
        begun.model_dump()
        | {
            "state": state,
            "seconds": round(seconds, 3),
            "inputs": notes.inputs,
            "outputs": notes.outputs,
            "versions": versions(),
            "rows": notes.rows,
            "rejected": notes.rejected,
            "figures": notes.figures,
            "bytes": notes.bytes,
            "counts": notes.counts,
            "stages": {name: round(taken, 3) for name, taken in notes.stages.items()},
            "peak_memory_bytes": max(notes.peak_bytes, process_peak_bytes()),
            "error": error,
        }
    )
