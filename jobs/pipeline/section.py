"""The base of every section of a pipeline file."""

from __future__ import annotations

from hashcore.spec import Spec


class Section(Spec):
    """A frozen value that refuses keys it does not know; the line of text under a field is its description."""
