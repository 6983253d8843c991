"""Index the codes of the database on Spark: each task builds one shard of its share of the rows, without a shuffle."""

from __future__ import annotations

from pydantic import Field

from jobs.section import Section


class IndexConfig(Section):
    """How the codes are divided into shards."""

    rows_per_shard: int = Field(default=1 << 26, ge=1)
    """Most rows of a shard; building and searching hold one shard in memory."""
    check_ids: bool = True
    """Whether one aggregation over all ids makes sure that none occurs twice."""
    sample_rows: int = Field(default=1 << 20, ge=1)
    """Codes from which the tables' layout is planned."""
