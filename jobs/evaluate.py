"""Evaluate the codes."""

from __future__ import annotations

from jobs.section import Section


class EvaluateConfig(Section):
    """Settings of this job."""
