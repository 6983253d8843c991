"""Outputs are written once: whole or not at all, with what made them recorded beside them, and never over another's.

A stage asks `is_finished(path, record)`, and if not, writes inside `writing(path, record)`, which moves the staged
directory or file into place at its end. The record is `_hashcore.json` in a directory, `<stem>.hashcore.json` beside
a file.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from hashcore import files
from hashcore.errors import HashcoreError, InvalidInputError, OutputError, TaskError
from jobs.pipeline import runs
from jobs.pipeline.digest import digest
from jobs.pipeline.section import Section

if TYPE_CHECKING:
    from jobs.pipeline.config import Pipeline

RECORD = "_hashcore.json"
HALF = "_hashcore.half.json"  # of an output that is staged in its place

Kept = TypeVar("Kept", bound=BaseModel)


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
    """Return whether `path` holds exactly what `wanted` would make; False if there is nothing yet, or a half of it.

    Raises:
        OutputError: If it holds anything else: foreign files, or the output of another configuration or input.
    """
    if not files.exists(path) or (files.is_folder(path) and not _has_anything(path)):
        return False
    found = read(path)
    if found is None:
        if read_half(path) is not None:
            return False
        raise OutputError(f"{path} holds files that this project did not write; give another place, or move them away")
    if not _is_same(found, wanted):
        raise OutputError(
            f"{path} holds the output of another pipeline ({_difference(found, wanted)}); remove it, "
            "or write elsewhere with --set root=..."
        )
    return True


def _has_anything(path: str) -> bool:
    """Return whether a folder holds anything."""
    return bool(files.listing(path, deep=True)) if files.is_uri(path) else bool(os.listdir(path))


def read(path: str) -> Record | None:
    """Return the record of an output, or None where there is none."""
    return _parse(_record_path(path))


def read_half(path: str) -> Record | None:
    """Return the record of who began an output in an object store and has not ended it, or None."""
    return _parse(files.join(path, HALF)) if files.is_uri(path) else None


def _parse(path: str) -> Record | None:
    """Return the record in a file, or None where there is none that can be read."""
    try:
        return Record.model_validate_json(files.read_bytes(path) or b"")
    except (OSError, ValidationError):
        return None


def fingerprint_of(path: str) -> str:
    """Return what identifies an input: its record's fingerprint, or a digest of its files' names, sizes and times.

    Raises:
        InvalidInputError: If there is no such input, or it is not written to its end.
    """
    found = read(path)
    if found is not None:
        runs.reads(path, found.fingerprint)
        return found.fingerprint
    if read_half(path) is not None:
        raise InvalidInputError(f"{path} is half written; run the stage that makes it once more")
    known = files.states(path) if files.exists(path) else []
    if not known:
        raise InvalidInputError(f"{path} does not exist or is empty; run the stage that makes it, or correct the path")
    fingerprint = hashlib.sha256(repr(known).encode()).hexdigest()[:16]
    runs.reads(path, fingerprint)
    return fingerprint


@contextmanager
def writing(path: str, made: Record, *, resumes: bool = False) -> Iterator[str]:
    """Give a place to write a directory or a file to, and move it to `path` when the block ends without an error.

    An error within the block leaves nothing, but for a failed task where the block `resumes`. What a killed run left is
    removed by the next one; where the block `resumes`, the staged directory is there from the start, with what a run
    of the same fingerprint had done. In an object store, where nothing can be moved, such a directory is staged in its
    place, and is half written until its record is there.

    Raises:
        OutputError: If the place cannot be written.
    """
    staging = _staging(path, resumes)
    try:
        if not (resumes and _is_same(read_half(path) if files.is_uri(path) else read(staging), made)):
            files.remove(staging)
        if resumes:
            files.make_folder(staging)
            half = HALF if files.is_uri(path) else RECORD
            files.write_bytes(files.join(staging, half), _text(made))
        else:
            os.makedirs(os.path.dirname(staging), exist_ok=True)
            Path(staging).touch()
            os.unlink(staging)
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        yield staging
        _commit(staging, path, made)
        runs.writes(path, made.fingerprint)
    except Exception as error:
        if not (resumes and isinstance(error, TaskError)):  # whose cause may be mended: finished tasks are kept
            files.remove(staging)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise _unwritable(path, error) from None
        raise


def _staging(path: str, resumes: bool) -> str:
    """Return where an output is written before it is whole."""
    if not files.is_uri(path):
        return files.beside(path, f".{os.path.basename(path)}.partial")
    return path if resumes else os.path.join(tempfile.gettempdir(), f"hashcore-{uuid.uuid4().hex}")


@contextmanager
def growing(path: str, made: Record) -> Iterator[None]:
    """Record who writes a directory that grows in place, as an index does, before its first file.

    An error within the block removes a directory that the block began; a kill leaves it for the next run to go on.

    Raises:
        OutputError: If the place cannot be written.
    """
    began = read(path) is None
    try:
        files.make_folder(path)
        files.write_bytes(files.join(path, RECORD), _text(made))
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        yield
        runs.writes(path, made.fingerprint)
    except Exception as error:
        if began and not isinstance(error, TaskError):
            files.remove(path)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise _unwritable(path, error) from None
        raise


@contextmanager
def keeping(path: str, made: Record) -> Iterator[str]:
    """Give a folder beside an output for what finished tasks have found, which is removed when the block ends.

    A kill, or a failed task, leaves it for the next run, which finds it if it makes the same output.
    """
    folder = files.beside(path, f".{os.path.basename(path)}.tasks")
    try:
        if not _is_same(read(folder), made):
            files.remove(folder)
            files.make_folder(folder)
            files.write_bytes(files.join(folder, RECORD), _text(made))
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        yield folder
    except Exception as error:
        if not isinstance(error, TaskError):
            files.remove(folder)
        raise
    files.remove(folder)


@contextmanager
def attempt(path: str, scratch: str) -> Iterator[str]:
    """Give a task a file of its own on this machine, and move it to `path` when the block ends without an error.

    So a task that runs twice, even at the same time, leaves one whole file; none if it wrote none. The file lies in the
    folder `scratch`, or where temporary files do if that is in an object store.

    Raises:
        OutputError: If there is no room for it.
    """
    place = tempfile.gettempdir() if files.is_uri(scratch) else scratch
    own = os.path.join(place, f"{uuid.uuid4().hex}-{os.path.basename(path)}")
    try:
        yield own
        if os.path.exists(own):
            files.move_in(own, path)
    except OSError as error:
        if isinstance(error, HashcoreError):
            raise
        raise _unwritable(path, error) from None
    finally:
        files.remove(own)


def kept(path: str, model: type[Kept], compute: Callable[[], Kept]) -> Kept:
    """Return the result of a task that a killed run had ended, else compute and keep it."""
    with suppress(ValidationError):  # what a power cut left may not be whole
        return model.model_validate_json(files.read_bytes(path) or b"")
    result = compute()
    files.write_bytes(path, result.model_dump_json().encode())
    return result


def _commit(staging: str, path: str, made: Record) -> None:
    """Move what was staged into place, its record first, so that an output is never without one."""
    try:
        if staging == path:
            files.write_bytes(files.join(path, RECORD), _text(made))
            files.remove(files.join(path, HALF))
        elif files.is_uri(path):
            record_path = files.join(path, RECORD) if os.path.isdir(staging) else _record_beside(path)
            files.move_in(staging, path)
            files.write_bytes(record_path, _text(made))
        else:
            record_path = files.join(staging, RECORD) if os.path.isdir(staging) else _record_beside(path)
            files.write_bytes(record_path, _text(made))
            os.replace(staging, path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}); is another run writing it?") from None


def _unwritable(path: str, error: OSError) -> OutputError:
    """Return the error of a place that cannot be written."""
    said = error.strerror or " ".join(str(error).split())[:200]
    return OutputError(f"{path} cannot be written ({said}); make room, or give a place you may write to")


def _text(made: Record) -> bytes:
    """Return a record as a file holds it."""
    return (made.model_dump_json(indent=2) + "\n").encode()


def _record_path(path: str) -> str:
    """Return where the record of an output lies."""
    return files.join(path, RECORD) if files.is_folder(path) else _record_beside(path)


def _record_beside(path: str) -> str:
    """Return where the record of a file lies."""
    return files.beside(path, f"{Path(path).stem}.hashcore.json")


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
