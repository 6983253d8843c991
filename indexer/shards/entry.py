"""The entry of a shard: its name, size, rows and ids, as manifests list them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from indexer.storage.store import SHARDS, TOMBSTONES

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Key = tuple[str, str | None]  # digests of a shard and of its tombstones


class ShardEntry(BaseModel):
    """One shard as its manifest lists it.

    Attributes:
        digest: SHA-256 of the file's header, which holds those of its arrays; names the file.
        rows: Items.
        distinct: Distinct codes.
        bytes: Size of the file.
        ids: The smallest and the largest id; None where a manifest of version 1 did not say.
        tombstones: SHA-256 of the header of the file that lists the deleted rows; None where there is none.
        deleted: How many these are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: Digest
    rows: int = Field(ge=0)
    distinct: int = Field(ge=0)
    bytes: int = Field(ge=0)
    ids: tuple[int, int] | None = None
    tombstones: Digest | None = None
    deleted: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _tombstones_fit(self) -> ShardEntry:
        if self.deleted > self.rows or (self.deleted > 0) != (self.tombstones is not None):
            raise ValueError(f"{self.deleted} deleted of {self.rows} rows do not fit the tombstones")
        return self

    @property
    def name(self) -> str:
        """The shard's name in the store."""
        return f"{SHARDS}/{self.digest}.safetensors"

    @property
    def tombstones_name(self) -> str | None:
        """The name of its list of deleted rows."""
        return self.tombstones and f"{TOMBSTONES}/{self.tombstones}.safetensors"

    @property
    def live(self) -> int:
        """Rows that are not deleted."""
        return self.rows - self.deleted

    @property
    def key(self) -> Key:
        """Digests of its two files, which no other shard has."""
        return self.digest, self.tombstones

    def may_hold(self, first: int, last: int) -> bool:
        """Return whether an id of first … last may be in it."""
        return self.ids is None or (self.ids[0] <= last and first <= self.ids[1])
