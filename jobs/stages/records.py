"""Records of outputs, kept with them: `_hashcore.json` in a directory, `<stem>.hashcore.json` beside a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hashcore.errors import InvalidInputError, StorageError
from hashcore.spec import Spec
from hashcore.storage import files
from jobs.config.fingerprint import digest, value_at
from jobs.config.pipeline import Pipeline
from jobs.stages.content import content_of
from jobs.telemetry import run_notes

RECORD = "_hashcore.json"
HALF = "_hashcore.half.json"  # of an output that is staged in its place
NAMES = (RECORD, HALF)
TOGETHER: dict[str, tuple[str, ...]] = {"train": ("hasher", "checkpoints"), "corpus": ()}
"""Paths that a stage writes together; all of a converted corpus and what follows it lie below the root."""


class Record(Spec):
    """Configuration and inputs that made an output."""

    stage: str
    """The verb, and the part where a verb makes several outputs."""
    fingerprint: str
    """Changes with the configuration of the stage and with each of its inputs."""
    inputs: dict[str, str]
    """Fingerprint of each input by its name."""
    pipeline: dict[str, Any]
    """The whole resolved configuration."""
    decisive: list[str]
    """Sections of the configuration, or single keys (`section.key`), that decide the output's content."""


def record(pipeline: Pipeline, stage: str, decisive: Sequence[str], inputs: Mapping[str, str] | None = None) -> Record:
    """Return the record of a stage.

    Args:
        pipeline: The whole configuration.
        stage: The verb, and the part where a verb makes several outputs.
        decisive: Sections, or single keys (`section.key`), that decide what the output holds: no others may change
            its fingerprint.
        inputs: Fingerprint of each input by its name.
    """
    given = dict(inputs or {})
    fingerprint = digest([stage, pipeline.fingerprint(*decisive), given])
    return Record(
        stage=stage,
        fingerprint=fingerprint,
        inputs=given,
        pipeline=pipeline.model_dump(mode="json"),
        decisive=list(decisive),
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
    """Return what identifies an input: its record's fingerprint, or a digest of its files' names, sizes and content.

    Raises:
        InvalidInputError: If there is no such input, or it is not written to its end.
    """
    found = read(path)
    if found is not None:
        run_notes.reads(path, found.fingerprint)
        return found.fingerprint
    half = read_half(path)
    if half is not None:
        verb = half.stage.partition(" ")[0]
        raise InvalidInputError(f"{path} is half written; run `hashcore {verb}` once more, which goes on with it")
    fingerprint = content_of(path)
    if fingerprint is None:
        raise InvalidInputError(f"{path} does not exist or is empty; run the stage that makes it, or correct the path")
    run_notes.reads(path, fingerprint)
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
    names = dict.fromkeys([*wanted.inputs, *found.inputs])
    inputs = [f"input {name}" for name in names if found.inputs.get(name) != wanted.inputs.get(name)]
    keys = [key for name in wanted.decisive for key in _keys_apart(name, found.pipeline, wanted.pipeline)]
    apart = keys + inputs or [f"stage {found.stage}"]
    return "different " + ", ".join(apart[:4]) + (" and others" if len(apart) > 4 else "")


def elsewhere(path: str, wanted: Record) -> str:
    """Return what to type so that an output is written to another place, which is free, than `path`."""
    places: dict[str, str] = wanted.pipeline.get("paths", {})
    keys = TOGETHER.get(wanted.stage, tuple(key for key, place in places.items() if place == path))
    if not keys:
        return f"--set root={_free(wanted.pipeline.get('root', path))}"
    return " ".join(f"--set paths.{key}={_free(places[key])}" for key in keys)


def _free(path: str) -> str:
    """Return a path like another one at which there is nothing."""
    stem, dot, kind = path.rstrip("/").rpartition("/")[2].partition(".")
    others = (files.beside(path.rstrip("/"), f"{stem}-{number}{dot}{kind}") for number in count(2))
    return next(other for other in others if not files.exists(other))


def _keys_apart(name: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the dotted names of a section's keys, or of a single key, whose values differ."""
    first, second = value_at(one, name), value_at(other, name)
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return [] if first == second else [name]
    return [f"{name}.{key}" for key in sorted({*first, *second}) if first.get(key) != second.get(key)]
