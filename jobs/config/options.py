"""The options of a job, as its help shows them: key, default and meaning, from the models themselves."""

from __future__ import annotations

import textwrap
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

WIDTH = 120
ALSO = {"encode": ("hasher",)}
"""Further sections that a job reads."""


def describe(job: str) -> str:
    """Return the options of a job, each as `section.key = default` and what it decides; "" if it has none."""
    return "\n\n".join(filter(None, map(_section, (job, *ALSO.get(job, ())))))


def _section(name: str) -> str:
    """Return the options of one section of a pipeline's file."""
    from jobs.config.pipeline import Pipeline

    field = Pipeline.model_fields.get(name)
    section = field.annotation if field else None
    if not isinstance(section, type) or not issubclass(section, BaseModel):
        return ""
    lines = [f"options of {name}, in its section of FILE or as --set {name}.KEY=VALUE:"]
    for key, option in section.model_fields.items():
        default = option.get_default(call_default_factory=True)
        lines.append(f"  {name}.{key} = {_shown(default)}")
        lines += textwrap.wrap(option.description or "", WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)


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
