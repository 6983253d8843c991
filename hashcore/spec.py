"""The base of small frozen values that describe a part of a hasher or of its training, and travel as JSON or YAML."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """A frozen value that refuses keys it does not know; the line of text under a field is its description."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
