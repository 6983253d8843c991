"""The answer of a search: for each query its neighbours, ordered by (distance, id)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa


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
        counts = np.concatenate([np.zeros(1, np.int64), *(part.counts() for part in parts)])
        return Neighbors(
            np.cumsum(counts, dtype=np.int64),
            np.concatenate([np.empty(0, np.int64), *(part.ids for part in parts)]),
            np.concatenate([np.empty(0, np.uint16), *(part.distances for part in parts)]),
        )

    @staticmethod
    def merge(parts: Sequence[Neighbors], k: int | None = None) -> Neighbors:
        """Join answers to the same queries from disjoint sets of items.

        Args:
            parts: One answer a shard, each with the same number of queries.
            k: Keep the k nearest of each query; None keeps all.

        Returns:
            The joint answer, ordered by (distance, id).
        """
        if len(parts) == 1 and k is None:
            return parts[0]
        query = np.concatenate([part.query_numbers() for part in parts])
        ids = np.concatenate([part.ids for part in parts])
        distances = np.concatenate([part.distances for part in parts])
        order = np.lexsort((ids, distances, query))
        query, ids, distances = query[order], ids[order], distances[order]
        offsets = np.searchsorted(query, np.arange(len(parts[0]) + 1))
        if k is not None:
            keep = np.arange(len(query)) - offsets[query] < k
            query, ids, distances = query[keep], ids[keep], distances[keep]
            offsets = np.searchsorted(query, np.arange(len(parts[0]) + 1))
        return Neighbors(offsets.astype(np.int64), ids, distances)
