"""Write the report."""

from __future__ import annotations

from jobs.section import Section


class ReportConfig(Section):
    """Settings of this job."""
