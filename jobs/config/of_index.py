"""The pipeline of an index that is named by its folder alone: the one that built it, or one of its place only."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from hashcore.errors import ConfigError
from hashcore.storage import files
from jobs.config.paths import absolute
from jobs.config.pipeline import Pipeline, resolve

RECORD = "_hashcore.json"


def pipeline_of(folder: str, overrides: Sequence[str] = ()) -> Pipeline:
    """Return the pipeline of an index.

    Args:
        folder: Its root. Where a pipeline built it there, that one is taken, its other places included; else one of its
            own, whose outputs lie beside the index.
        overrides: Values to set over those, each `section.key=value`.

    Raises:
        ConfigError: If a value does not fit.
    """
    place = absolute(folder)
    built_by = _built_by(place)
    if built_by is not None:
        try:
            resolve(built_by, (), place)
        except ConfigError:  # of another version of this project
            built_by = None
    return resolve(built_by or _alone(place), overrides, place)


def _built_by(place: str) -> dict[str, Any] | None:
    """Return the configuration that built an index where it lies, None where that is not told."""
    try:
        found = json.loads(files.read_bytes(files.join(place, RECORD)) or b"{}").get("pipeline")
        return found if found["paths"]["index"] == place else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _alone(place: str) -> dict[str, Any]:
    """Return the configuration of an index of which only the place is known."""
    root, _, name = place.rstrip("/").rpartition("/")
    words = [part for part in (root.rpartition("/")[2] if name == "index" else name, "index") if part]
    return {
        "name": re.sub(r"[^A-Za-z0-9._-]", "-", words[0]).lstrip(".") or "index",
        "root": root or "/",
        "paths": {"index": place},
    }
