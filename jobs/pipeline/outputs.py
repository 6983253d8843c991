"""Outputs are written once: whole or not at all, with what made them recorded beside them, and never over another's.

A stage asks `is_finished(path, record)`, and if not, writes inside `writing(path, record)`, which moves the staged
directory or file into place at its end. The record is `_hashcore.json` in a directory, `<stem>.hashcore.json` beside
a file.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from hashcore.errors import InvalidInputError, OutputError
from jobs.pipeline import runs
from jobs.pipeline.section import Section

if TYPE_CHECKING:
    from jobs.pipeline.config import Pipeline

RECORD = "_hashcore.json"


class Record(Section):
    """What made an output."""

    stage: str
    """The verb, and the part where a verb makes several outputs."""
    fingerprint: str
    """Changes with the configuration of the stage and with each of its inputs."""
    inputs: dict[str, str]
    """Fingerprint of each input by its name."""
    pipeline: dict[str, Any]
    """The whole resolved configuration."""
    decisive: list[str]
    """Sections of the configuration that decide the output's content."""


def record(
    pipeline: Pipeline, stage: str, sections: tuple[str, ...], inputs: Mapping[str, str] | None = None
) -> Record:
    """Return the record of a stage that is decided by some sections of the configuration and by its inputs."""
    from jobs.pipeline.config import digest

    given = dict(inputs or {})
    fingerprint = digest([stage, pipeline.fingerprint(*sections), given])
    return Record(
        stage=stage,
        fingerprint=fingerprint,
        inputs=given,
        pipeline=pipeline.model_dump(mode="json"),
        decisive=list(sections),
    )


def is_finished(path: str, wanted: Record) -> bool:
    """Return whether `path` holds exactly what `wanted` would make; False if there is nothing yet.

    Raises:
        OutputError: If it holds anything else: foreign files, or the output of another configuration or input.
    """
    if not os.path.exists(path) or (os.path.isdir(path) and not os.listdir(path)):
        return False
    found = read(path)
    if found is None:
        raise OutputError(f"{path} holds files that this project did not write; give another place, or move them away")
    if not _is_same(found, wanted):
        raise OutputError(
            f"{path} holds the output of another pipeline ({_difference(found, wanted)}); remove it, "
            "or write elsewhere with --set root=..."
        )
    return True


def read(path: str) -> Record | None:
    """Return the record of an output, or None where there is none."""
    try:
        return Record.model_validate_json(_record_path(path).read_bytes())
    except (OSError, ValidationError):
        return None


def fingerprint_of(path: str) -> str:
    """Return what identifies an input: its record's fingerprint, or a digest of its files' names, sizes and times.

    Raises:
        InvalidInputError: If there is no such input.
    """
    found = read(path)
    if found is not None:
        runs.reads(path, found.fingerprint)
        return found.fingerprint
    files = sorted(Path(path).rglob("*")) if os.path.isdir(path) else [Path(path)]
    known = [(str(f.relative_to(path)), f.stat().st_size, f.stat().st_mtime_ns) for f in files if f.is_file()]
    if not known:
        raise InvalidInputError(f"{path} does not exist or is empty; run the stage that makes it, or correct the path")
    fingerprint = hashlib.sha256(repr(known).encode()).hexdigest()[:16]
    runs.reads(path, fingerprint)
    return fingerprint


@contextmanager
def writing(path: str, made: Record, *, resumes: bool = False) -> Iterator[str]:
    """Give a place to write a directory or a file to, and move it to `path` when the block ends without an error.

    An error within the block leaves nothing. What a killed run left is removed by the next one; where the block
    `resumes`, the staged directory is there from the start, with what a run of the same fingerprint had done.

    Raises:
        OutputError: If the place cannot be written.
    """
    target = Path(path)
    staging = target.with_name(f".{target.name}.partial")
    try:
        if not (resumes and _is_same(read(str(staging)), made)):
            remove(staging)
        target.parent.mkdir(parents=True, exist_ok=True)
        if resumes:
            staging.mkdir(exist_ok=True)
            _record_path(str(staging)).write_text(made.model_dump_json(indent=2) + "\n", encoding="utf-8")
        else:
            staging.touch()
            staging.unlink()
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}); give a place you may write to") from None
    try:
        yield str(staging)
        _commit(staging, target, made)
        runs.writes(path, made.fingerprint)
    except Exception:
        remove(staging)
        raise


@contextmanager
def growing(path: str, made: Record) -> Iterator[None]:
    """Record who writes a directory that grows in place, as an index does, before its first file.

    An error within the block removes a directory that the block began; a kill leaves it for the next run to go on.

    Raises:
        OutputError: If the place cannot be written.
    """
    began = read(path) is None
    try:
        os.makedirs(path, exist_ok=True)
        _record_path(path).write_text(made.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}); give a place you may write to") from None
    try:
        yield
        runs.writes(path, made.fingerprint)
    except Exception:
        if began:
            remove(Path(path))
        raise


@contextmanager
def attempt(path: str, scratch: str) -> Iterator[str]:
    """Give a task a file of its own in `scratch`, and move it to `path` when the block ends without an error.

    So a task that runs twice, even at the same time, leaves one whole file; none if it wrote none.
    """
    own = os.path.join(scratch, f"{uuid.uuid4().hex}-{os.path.basename(path)}")
    yield own
    if os.path.exists(own):
        os.replace(own, path)


def _commit(staging: Path, target: Path, made: Record) -> None:
    """Move what was staged into place, its record first, so that an output is never without one."""
    record_path = staging / RECORD if staging.is_dir() else _record_path(str(target))
    try:
        record_path.write_text(made.model_dump_json(indent=2) + "\n", encoding="utf-8")
        os.replace(staging, target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written ({error.strerror}); is another run writing it?") from None


def remove(path: Path) -> None:
    """Remove a file or a directory if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _record_path(path: str) -> Path:
    """Return where the record of an output lies."""
    target = Path(path)
    return target / RECORD if target.is_dir() else target.with_name(f"{target.stem}.hashcore.json")


def _is_same(found: Record | None, wanted: Record) -> bool:
    """Return whether two records are of outputs with the same content."""
    return found is not None and (found.stage, found.fingerprint) == (wanted.stage, wanted.fingerprint)


def _difference(found: Record, wanted: Record) -> str:
    """Say what sets two records apart."""
    inputs = [f"input {n}" for n in wanted.inputs if found.inputs.get(n) != wanted.inputs[n]]
    keys = [key for section in wanted.decisive for key in _keys_apart(section, found.pipeline, wanted.pipeline)]
    apart = keys + inputs or [f"stage {found.stage}"]
    return "different " + ", ".join(apart[:4]) + (" and others" if len(apart) > 4 else "")


def _keys_apart(section: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the dotted names of a section's keys whose values differ."""
    first, second = one.get(section) or {}, other.get(section) or {}
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return [] if first == second else [section]
    return [f"{section}.{key}" for key in sorted({*first, *second}) if first.get(key) != second.get(key)]
