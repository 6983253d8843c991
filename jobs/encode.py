"""Encode a corpus on Spark: any readable corpus with an id and a modality column becomes a codes directory."""

from __future__ import annotations

from pydantic import Field

from jobs.section import Section


class EncodeConfig(Section):
    """How items become codes."""

    modality: str = "image"
    """The hasher's modality that reads the items."""
    column: str | None = None
    """Column that holds them; none means that it is named like the modality."""
    batch_rows: int = Field(default=4096, ge=1)
    """Rows that pass the network at once; bounds the memory of a task."""
    rows_per_group: int = Field(default=1 << 17, ge=1)
    """Rows of a row group of the codes files."""
    max_rejected_share: float = Field(default=0.01, ge=0, le=1)
    """Share of bad rows beyond which the job fails."""
