"""The plan of a dense range search on one shard; indexer/native/dense/plan.cpp makes it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer import _native

LEAST_NS = 1e-9  # a shard without codes costs nothing


class Costs(NamedTuple):
    """Expected cost of the steps of a search, in nanoseconds on one thread; only their ratios decide.

    Attributes:
        probe: Looking up one bucket.
        candidate: Comparing one entry of a bucket.
        scan: Scanning the first word of one distinct code.
    """

    probe: float = 3.0
    candidate: float = 0.25
    scan: float = 0.06


@dataclass(frozen=True)
class Allocation:
    """A plan for one radius on one shard.

    Attributes:
        radii: For each table how many bits of its substring may differ; −1 leaves the table out. All −1: scan.
        probes: Buckets looked up per query, for each table.
        candidates: Entries compared per query, for each table, as expected.
        tables_ns: Expected cost per query by tables, infinite where there are none.
        scan_ns: Expected cost per query by scan.
    """

    radii: tuple[int, ...]
    probes: tuple[int, ...]
    candidates: tuple[float, ...]
    tables_ns: float
    scan_ns: float

    @property
    def is_scan(self) -> bool:
        """Whether the shard is scanned."""
        return all(radius < 0 for radius in self.radii)

    def reads_most(self, queries: int, codes: int) -> bool:
        """Whether so many queries touch most of a shard of `codes` distinct codes, so that reading it whole pays."""
        return self.is_scan or 8 * queries * sum(self.probes) >= codes * sum(probes > 0 for probes in self.probes)

    def reason(self, scanned: bool) -> str:
        """Say in a few words why this plan was taken, and, where it was `scanned` in the end, why not kept."""
        if math.isinf(self.tables_ns):
            return "scan: the shard has no tables"
        if self.is_scan:
            return f"scan: tables would cost {self.tables_ns / max(self.scan_ns, LEAST_NS):.1f}x as much or more"
        if scanned:
            return "scan: the first tables' buckets turned out so full that it was cheaper than going on"
        return f"tables: a scan would cost {self.scan_ns / max(self.tables_ns, LEAST_NS):.1f}x as much"


def allocate(
    radius: int, substring_bits: Sequence[int], rings: NDArray[np.float64], *, codes: int, words: int, costs: Costs
) -> Allocation:
    """Choose the cheapest exact plan for a radius.

    Args:
        radius: In bits, inclusive.
        substring_bits: Bits of each table's substring.
        rings: Shape (tables, rings): mean entries of all buckets exactly i bits from a query's own; rings beyond the
            last are taken to hold as many entries a bucket as the last.
        codes: Distinct codes of the shard.
        words: 64-bit words of a code.
        costs: Of the steps.
    """
    return Allocation(*_native.allocate(radius, substring_bits, rings, codes, words, *costs))
