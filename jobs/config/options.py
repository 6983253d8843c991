"""The options of a job, as its help shows them: key, default and meaning, from the models themselves."""

from __future__ import annotations

import textwrap
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from jobs.config.paths import Paths

WIDTH = 120
USUAL = {"root": "runs/<name>"}
ALSO = {"encode": ("hasher",)}
"""Further sections that a job reads."""


def describe(job: str) -> str:
    """Return the options of a job, each as `section.key = default` and what it decides; "" if it has none."""
    return "\n\n".join(filter(None, map(_section, (job, *ALSO.get(job, ())))))


def common() -> str:
    """Return the options that all jobs on a pipeline read: names and places, who runs the tasks, and the corpus."""
    from jobs.config.pipeline import Pipeline

    lines = ["options of every pipeline, at the top of FILE or as --set KEY=VALUE:"]
    for key in ("name", "root", "engine"):
        lines += _option(key, _shown(USUAL.get(key, Pipeline.model_fields[key].default)), Pipeline.model_fields[key])
    return "\n\n".join(["\n".join(lines), _section("corpus"), _section("paths")])


def _section(name: str) -> str:
    """Return the options of one section of a pipeline's file."""
    from jobs.config.pipeline import Pipeline

    field = next((field for key, field in Pipeline.model_fields.items() if (field.alias or key) == name), None)
    section = field.annotation if field else None
    if not isinstance(section, type) or not issubclass(section, BaseModel):
        return ""
    lines = [f"options of {name}, in its section of FILE or as --set {name}.KEY=VALUE:"]
    usual = Paths.below("<root>") if section is Paths else {}
    for key, option in section.model_fields.items():
        default = usual.get(key, option.get_default(call_default_factory=True))
        lines += _option(f"{name}.{key}", _shown(default), option)
    return "\n".join(lines)


def _option(key: str, default: str, option: FieldInfo) -> list[str]:
    """Return the lines of one option."""
    meaning = textwrap.wrap(option.description or "", WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return [f"  {key} = {default}", *meaning]


def _shown(default: Any) -> str:
    """Return a default as a file would have it."""
    if default is PydanticUndefined:
        return "(must be given)"
    if default is None:
        return "null"
    if isinstance(default, BaseModel):
        return str(default.model_dump(mode="json", exclude_defaults=False))
    if isinstance(default, tuple):
        return str(list(default))
    return str(default).lower() if isinstance(default, bool) else str(default)
