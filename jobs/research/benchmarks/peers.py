"""The peers, as their own documentation uses them, and their answers in our form."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.codes import Codes
from hashcore.errors import require
from hashcore.neighbors import Neighbors


class FaissFlat:
    """faiss IndexBinaryFlat: a scan of all codes."""

    name = "faiss IndexBinaryFlat"

    def __init__(self, codes: Codes, threads: int = 1) -> None:
        require("faiss", "dev")
        import faiss

        faiss.omp_set_num_threads(threads)
        self.index: Any = faiss.IndexBinaryFlat(8 * codes.shape[1])
        self.index.add(codes)

    def range_search(self, queries: Codes, radius: int) -> Neighbors:
        """Return all codes within `radius`, inclusive (faiss excludes its own)."""
        return ordered(*self.raw_range_search(queries, radius))

    def raw_range_search(self, queries: Codes, radius: int) -> tuple[Any, Any, Any]:
        """Return faiss's own answer, unordered: what is timed."""
        found: tuple[Any, Any, Any] = self.index.range_search(queries, radius + 1)
        return found

    def knn_search(self, queries: Codes, k: int) -> tuple[Any, Any]:
        """Return faiss's own answer: distances and ids, ties in no stated order."""
        found: tuple[Any, Any] = self.index.search(queries, k)
        return found


class FaissMultiHash(FaissFlat):
    """faiss IndexBinaryMultiHash: hash maps of substrings; exact if each flips radius // tables bits."""

    name = "faiss IndexBinaryMultiHash"

    def __init__(self, codes: Codes, tables: int, bits: int, threads: int = 1) -> None:
        require("faiss", "dev")
        import faiss

        faiss.omp_set_num_threads(threads)
        self.tables = tables
        self.index = faiss.IndexBinaryMultiHash(8 * codes.shape[1], tables, bits)
        self.index.add(codes)

    def raw_range_search(self, queries: Codes, radius: int) -> tuple[Any, Any, Any]:
        """Return faiss's own answer, unordered."""
        self.index.nflip = radius // self.tables
        return super().raw_range_search(queries, radius)


def ordered(limits: NDArray[Any], distances: NDArray[Any], ids: NDArray[Any]) -> Neighbors:
    """Return faiss's answer ordered by (distance, id)."""
    offsets = limits.astype(np.int64)
    query = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order = np.lexsort((ids, distances, query))
    return Neighbors(offsets, ids[order].astype(np.int64), distances[order].astype(np.uint16))
