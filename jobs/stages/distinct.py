"""Number of distinct codes, counted in passing from the smallest of their hashes; exact where they are few.

The number of distinct values from the k smallest of their hashes: Bar-Yossef, Jayram, Kumar, Sivakumar, Trevisan 2002.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hashcore.codes import Codes

KEPT = 1024  # hashes; the number is exact below, and about 3 % wrong beyond
LEAST_SHARE = 0.05  # of distinct codes among the items, below which it is said that there are few
MIX, FINAL = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xFF51AFD7ED558CCD)


@dataclass(frozen=True)
class Distinct:
    """The smallest hashes of the codes seen so far, ascending."""

    hashes: tuple[int, ...] = ()

    @staticmethod
    def of(codes: Codes) -> Distinct:
        """Look at some codes, uint8 of shape (n, bytes)."""
        mixed = np.full(len(codes), MIX)
        for column in codes.T:
            mixed = (mixed ^ column) * FINAL
            mixed ^= mixed >> np.uint64(32)
        return Distinct(tuple(np.unique(mixed)[:KEPT].tolist()))

    @staticmethod
    def total(parts: Iterable[Distinct]) -> Distinct:
        """Return what is known of all parts together."""
        return Distinct(tuple(sorted({value for part in parts for value in part.hashes})[:KEPT]))

    def number(self) -> int:
        """Return the number of distinct codes, about."""
        if len(self.hashes) < KEPT:
            return len(self.hashes)
        return round((KEPT - 1) / (self.hashes[-1] / 2**64))


def told(distinct: int, rows: int, code_length: int) -> str | None:
    """Return a line that says that there are few distinct codes among some items, None where there are not."""
    if distinct >= LEAST_SHARE * min(rows, 2**code_length):
        return None
    return (
        f"{rows:,} items have only {distinct:,} distinct code{'' if distinct == 1 else 's'}, "
        f"{100 * distinct / rows:.2g} % (under {100 * LEAST_SHARE:g} %): items of one code cannot be told apart"
    )
