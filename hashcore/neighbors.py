"""The answer of a search: for each query its neighbours, ordered by (distance, id)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

ALL = 2**63 - 1


@dataclass(frozen=True)
class Neighbors:
    """Neighbours of q queries, concatenated.

    Attributes:
        offsets: int64, shape (q + 1,); offsets[i]:offsets[i + 1] are the neighbours of query i.
        ids: int64, shape (total,); within a query ordered by (distance, id).
        distances: uint16, shape (total,); Hamming distance in bits.
    """

    offsets: NDArray[np.int64]
    ids: NDArray[np.int64]
    distances: NDArray[np.uint16]

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self.offsets) - 1

    def counts(self) -> NDArray[np.int64]:
        """Return the number of neighbours of each query, shape (q,)."""
        return np.diff(self.offsets)

    def of(self, query: int) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
        """Return (ids, distances) of one query, as views."""
        part = slice(self.offsets[query], self.offsets[query + 1])
        return self.ids[part], self.distances[part]

    def query_numbers(self) -> NDArray[np.int64]:
        """Return for each neighbour the number of its query, shape (total,)."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.counts())

    def to_arrow(self, query_ids: NDArray[np.int64]) -> pa.Table:
        """Return a table of columns query_id: int64, id: int64, distance: int32, one row a neighbour."""
        import pyarrow as pa

        return pa.table(
            {
                "query_id": np.asarray(query_ids, np.int64)[self.query_numbers()],
                "id": self.ids,
                "distance": self.distances.astype(np.int32),
            }
        )

    @staticmethod
    def empty(queries: int) -> Neighbors:
        """Return the answer in which no query has a neighbour."""
        return Neighbors(np.zeros(queries + 1, np.int64), np.empty(0, np.int64), np.empty(0, np.uint16))

    @staticmethod
    def concatenate(parts: Sequence[Neighbors]) -> Neighbors:
        """Join answers of consecutive blocks of queries."""
        if len(parts) == 1:
            return parts[0]
        counts = np.concatenate([np.zeros(1, np.int64), *(part.counts() for part in parts)])
        return Neighbors(
            np.cumsum(counts, dtype=np.int64),
            np.concatenate([np.empty(0, np.int64), *(part.ids for part in parts)]),
            np.concatenate([np.empty(0, np.uint16), *(part.distances for part in parts)]),
        )

    @staticmethod
    def merge(parts: Sequence[Neighbors], k: int | None = None, *, threads: int = 1) -> Neighbors:
        """Join answers to the same queries from disjoint sets of items.

        Args:
            parts: One or more answers, each to the same number of queries.
            k: Keep the k nearest of each query; None keeps all.
            threads: Threads to use.

        Returns:
            The joint answer, for each query ordered by (distance, id).
        """
        from hashcore import _kernels

        if len(parts) == 1 and k is None:
            return parts[0]
        lists = [(part.offsets, part.ids, part.distances) for part in parts]
        return Neighbors(*_kernels.merge_lists(lists, ALL if k is None else k, threads))
