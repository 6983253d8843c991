"""What the verbs on generations can be told."""

from __future__ import annotations

from pydantic import Field

from jobs.pipeline.paths import Place
from jobs.pipeline.section import Section


class AppendConfig(Section):
    """What is added to the index."""

    codes: Place | None = None
    """Codes directory, as `encode` makes it, by the index's own hasher."""


class DeleteConfig(Section):
    """What is deleted from the index."""

    ids: Place | None = None
    """Parquet file or directory of ids; those that are not in the index are left alone."""
    column: str = "id"
    """Column that holds them."""


class CompactConfig(Section):
    """How shards are merged."""

    rows_per_shard: int = Field(default=64_000_000, ge=1)
    """Most rows of a merged shard; shards of less than half are small, and those with deleted rows are rewritten."""


class VacuumConfig(Section):
    """What is removed."""

    keep: int = Field(default=2, ge=1)
    """Generations to keep, the current one and those it came from."""
    older_than_h: float = Field(default=168.0, ge=0)
    """Hours after which a file that no generation ever held cannot belong to a build that still runs."""


class VerifyConfig(Section):
    """How far the index is looked over."""

    queries_per_shard: int = Field(default=16, ge=0)
    """Stored codes of each shard whose answers are held against a linear scan."""
