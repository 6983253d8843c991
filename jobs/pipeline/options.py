"""The options of a job, as its help shows them: key, default and meaning, from the models themselves."""

from __future__ import annotations

import textwrap
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

WIDTH = 120


def describe(job: str) -> str:
    """Return the options of a job's section, each as `section.key = default` and what it decides; "" if it has none."""
    from jobs.pipeline.config import Pipeline

    field = Pipeline.model_fields.get(job)
    section = field.annotation if field else None
    if not isinstance(section, type) or not issubclass(section, BaseModel):
        return ""
    lines = [f"options of {job}, in its section of FILE or as --set {job}.KEY=VALUE:"]
    for name, option in section.model_fields.items():
        default = option.get_default(call_default_factory=True)
        lines.append(f"  {job}.{name} = {_shown(default)}")
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
    return str(default).lower() if isinstance(default, bool) else str(default)
