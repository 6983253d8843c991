"""The section `index`: how the codes are divided into shards."""

from __future__ import annotations

from pydantic import Field

from hashcore.spec import Spec


class IndexConfig(Spec):
    """Division of the codes into shards."""

    rows_per_shard: int = Field(default=64_000_000, ge=1)
    """Most rows of a shard; building and searching hold one shard in memory."""
    check_ids: bool = True
    """Whether one aggregation over all ids makes sure that none occurs twice."""
    sample_rows: int = Field(default=1 << 16, ge=1)
    """Codes from which the tables' layout is planned."""
    signatures: bool = False
    """Of sparse codes: whether to keep block signatures, too, for radii of 3 to 6, in 12 bytes a code and block."""
