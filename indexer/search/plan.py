"""How far each table looks around a query, and when a scan is cheaper: the search plan of one shard.

Let the tables have radii r_j ≥ −1 with Σ (r_j + 1) ≥ r + 1. An item that every table misses differs from the query by
at least r_j + 1 bits in each substring, so by r + 1 bits in all: whatever is within r bits is found (Norouzi et al.
2012 use equal radii; any split does, as in Qin et al. 2018). The cheapest split gives one more bit, r + 1 times over,
to the table whose next ring of buckets costs least; this is optimal as rings grow dearer outwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_RING_PROBES = 2_000_000
LEAST_NS = 1e-9  # a shard without codes costs nothing
OTHER_WORDS = 0.1  # what each word after the first adds to a scan, which seldom looks at them


@dataclass(frozen=True)
class Costs:
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
    tables = range(len(substring_bits))
    scan_ns = costs.scan * codes * (1 + OTHER_WORDS * (words - 1))
    radii, probes, candidates, total = [-1] * len(tables), [0] * len(tables), [0.0] * len(tables), 0.0
    ahead = [_ring(substring_bits[t], 0, rings[t]) for t in tables]
    for _ in range(radius + 1):
        cost = [costs.probe * ahead[t][0] + costs.candidate * ahead[t][1] for t in tables]
        if total + min(cost, default=math.inf) > scan_ns:
            nothing = (0,) * len(tables)
            return Allocation((-1,) * len(tables), nothing, nothing, total + min(cost, default=math.inf), scan_ns)
        cheapest = cost.index(min(cost))
        total += cost[cheapest]
        radii[cheapest] += 1
        probes[cheapest] += ahead[cheapest][0]
        candidates[cheapest] += ahead[cheapest][1]
        ahead[cheapest] = _ring(substring_bits[cheapest], radii[cheapest] + 1, rings[cheapest])
    return Allocation(tuple(radii), tuple(probes), tuple(candidates), total, scan_ns)


def _ring(bits: int, flips: int, known: NDArray[np.float64]) -> tuple[int, float]:
    """Return buckets and expected entries exactly `flips` bits away; infinitely dear beyond what is worth listing."""
    probes = math.comb(bits, flips)
    if probes > MAX_RING_PROBES:
        return MAX_RING_PROBES, math.inf
    if flips < len(known):
        return probes, float(known[flips])
    last = len(known) - 1
    return probes, float(known[last]) * probes / math.comb(bits, last)
