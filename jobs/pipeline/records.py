"""What made an output, recorded with it: `_hashcore.json` in a directory, `<stem>.hashcore.json` beside a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from hashcore import files
from hashcore.errors import InvalidInputError, StorageError
from jobs.pipeline import runs
from jobs.pipeline.digest import digest
from jobs.pipeline.section import Section

if TYPE_CHECKING:
    from jobs.pipeline.config import Pipeline

RECORD = "_hashcore.json"
HALF = "_hashcore.half.json"  # of an output that is staged in its place
NAMES = (RECORD, HALF)


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


def read(path: str) -> Record | None:
    """Return the record of an output, or None where there is none."""
    return _parse(_record_path(path))


def read_half(path: str) -> Record | None:
    """Return the record of who began an output in its place and has not ended it, or None."""
    return _parse(files.join(path, HALF))


def _parse(path: str) -> Record | None:
    """Return the record in a file, or None where there is none that can be read.

    Raises:
        StorageError: If the storage refuses.
    """
    try:
        return Record.model_validate_json(files.read_bytes(path) or b"")
    except StorageError:
        raise
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


def text(made: Record) -> bytes:
    """Return a record as a file holds it."""
    return (made.model_dump_json(indent=2) + "\n").encode()


def _record_path(path: str) -> str:
    """Return where the record of an output lies."""
    return files.join(path, RECORD) if files.is_folder(path) else record_beside(path)


def record_beside(path: str) -> str:
    """Return where the record of a file lies."""
    return files.beside(path, f"{Path(path).stem}.hashcore.json")


def is_same(found: Record | None, wanted: Record) -> bool:
    """Return whether two records are of outputs with the same content."""
    return found is not None and (found.stage, found.fingerprint) == (wanted.stage, wanted.fingerprint)


def difference(found: Record, wanted: Record) -> str:
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
