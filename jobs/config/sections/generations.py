"""The sections of the verbs on generations: `append`, `delete`, `compact`, `vacuum` and `verify`."""

from __future__ import annotations

from pydantic import Field, StrictInt, StrictStr, field_validator

from hashcore.spec import Spec
from jobs.config.paths import Place


class AppendConfig(Spec):
    """Codes to add to the index."""

    codes: Place | None = None
    """Codes directory, as `encode` makes it, by the index's own hasher."""


class DeleteConfig(Spec):
    """Items to delete from the index."""

    ids: tuple[StrictInt | StrictStr, ...] | Place | None = None
    """Ids themselves, as in [17, 4] or ['a.jpg', 'b.jpg']; or a Parquet file or directory, a CSV file with a header, or
    a .txt file of an id a line. Those that are not in the index are left alone."""
    column: str = "id"
    """Column that holds them."""

    @field_validator("ids", mode="before")
    @classmethod
    def _one_is_a_list(cls, ids: object) -> object:
        """Take one id for a list of it."""
        return (ids,) if isinstance(ids, int) and not isinstance(ids, bool) else ids


class CompactConfig(Spec):
    """Merging of shards."""

    rows_per_shard: int = Field(default=64_000_000, ge=1)
    """Most rows of a merged shard; shards of less than half are small, and those with deleted rows are rewritten."""


class VacuumConfig(Spec):
    """Removal of old generations."""

    keep: int = Field(default=2, ge=1)
    """Generations to keep, the current one and those it came from."""
    older_than_h: float = Field(default=168.0, ge=0)
    """Hours after which a file that no generation ever held cannot belong to a build that still runs."""


class VerifyConfig(Spec):
    """Verification of the index."""

    queries_per_shard: int = Field(default=16, ge=0)
    """Stored codes of each shard whose answers are held against a linear scan."""
