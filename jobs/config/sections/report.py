"""The section `report`: how the page looks."""

from __future__ import annotations

from pydantic import Field

from hashcore.spec import Spec


class ReportConfig(Spec):
    """Look of the page."""

    title: str | None = None
    """Its heading; none means the pipeline's name."""
    thumbnail_pixels: int = Field(default=144, ge=16, le=1024)
    """Longest side of a picture."""
