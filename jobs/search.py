"""Search the index on Spark for a whole query set: every shard by every block of queries, then one merge per block."""

from __future__ import annotations

from pydantic import Field, model_validator

from jobs.section import Section


class SearchConfig(Section):
    """What is asked of the index: all neighbours within a radius, or the k nearest."""

    k: int | None = Field(default=None, ge=1)
    """Nearest neighbours of each query."""
    radius: int | None = Field(default=None, ge=0)
    """All neighbours within this many bits."""
    queries_per_task: int = Field(default=1 << 14, ge=1)
    """Queries that a task answers at once; bounds the memory its answers take."""

    @model_validator(mode="after")
    def _one_question(self) -> SearchConfig:
        """Refuse k and a radius at once."""
        if self.k is not None and self.radius is not None:
            raise ValueError("give k or radius, not both; --set search.k=null takes one back")
        return self
