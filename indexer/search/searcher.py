"""The protocol of what searches a shard: dense codes by hash tables, sparse ones by folds, signatures and lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from hashcore.hamming import Words
from hashcore.neighbors import Neighbors
from indexer.search.explanation import TablePlan
from indexer.search.plan import Allocation


class RangeSearch(Protocol):
    """A range search of one shard, planned: it answers its queries block by block."""

    @property
    def reads_most(self) -> bool:
        """Whether the search touches most of the shard, so that reading it ahead pays."""

    def answer(self, part: slice, most_rows: int) -> Neighbors | None:
        """Answer a slice of the queries; None where there are more than `most_rows` neighbors."""

    def explained(self) -> tuple[str, tuple[TablePlan, ...]]:
        """Say why the queries answered so far were searched as they were, and what each structure did for them."""


class Searcher(Protocol):
    """The search of one shard; queries are uint64 words of shape (q, words), with bits in the order of the layout."""

    def plan(self, rows: Words, radius: int) -> Allocation:
        """Return the plan of a range search; `rows` are queries as stored words, uint64, shape (q, words)."""

    def range(self, rows: Words, radius: int, threads: int) -> RangeSearch:
        """Plan a range search; `rows` are queries as stored words, uint64, shape (q, words)."""

    def nearest(self, rows: Words, k: int, threads: int) -> Neighbors:
        """Find the k nearest items of each query, ordered by (distance, id); `rows` have shape (q, words)."""


def table_plan(name: str, bits: int, radius: int, expected: float, done: Sequence[float]) -> TablePlan:
    """Return what one structure did for some queries.

    Args:
        name: Of the structure.
        bits: Of its substring or block.
        radius: Bits of it that were allowed to differ.
        expected: Entries that the plan expected to compare.
        done: Probes, candidates, codes verified and seconds, as the native code counts them.
    """
    probes, candidates, verified, seconds = done
    return TablePlan(name, bits, radius, int(probes), float(expected), int(candidates), int(verified), float(seconds))
