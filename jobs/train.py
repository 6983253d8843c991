"""Train the hasher."""

from __future__ import annotations

from jobs.section import Section


class TrainConfig(Section):
    """Settings of this job."""
