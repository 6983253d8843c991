"""Explanations: the plan of each shard for a range search, and its cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TablePlan:
    """Work of one structure in a range search, for all queries together.

    Attributes:
        name: Which it is.
        bits: Of the substring or block.
        radius: Bits of it that were allowed to differ; −1 where the table was left out.
        probes: Buckets looked up.
        expected_candidates: Entries that the plan expected to compare.
        candidates: Entries compared.
        verified: Distinct codes reported.
        seconds: Time spent.
    """

    name: str
    bits: int
    radius: int
    probes: int
    expected_candidates: float
    candidates: int
    verified: int
    seconds: float


@dataclass(frozen=True)
class ShardPlan:
    """Plan and work of one shard in a range search.

    Attributes:
        shard: Its file's name.
        rows: Items it holds.
        distinct: Distinct codes.
        reason: Scan or tables, and by how much it was expected to be cheaper.
        tables: What each table did; empty where the shard has none.
        neighbors: Neighbors found, for all queries together.
        seconds: Time spent.
    """

    shard: str
    rows: int
    distinct: int
    reason: str
    tables: tuple[TablePlan, ...]
    neighbors: int
    seconds: float

    @property
    def is_scan(self) -> bool:
        """Whether the shard was scanned."""
        return all(table.radius < 0 for table in self.tables)
