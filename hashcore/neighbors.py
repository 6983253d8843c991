"""The answer of a search: for each query its neighbors, ordered by (distance, id)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import check_array, check_whole, offsets_of, rises
from hashcore.errors import InvalidInputError

if TYPE_CHECKING:
    import pyarrow as pa

ALL = 2**63 - 1
KINDS: tuple[np.dtype[Any], ...] = (np.dtype(np.int64), np.dtype(np.int64), np.dtype(np.uint16))


class Keyed(Protocol):
    """An index, whose items people call by keys."""

    def keys(self, ids: NDArray[np.int64]) -> pa.Array:
        """Return the key of each of some ids, shape (n,)."""


@dataclass(frozen=True)
class Neighbors:
    """Neighbors of q queries, concatenated.

    Attributes:
        offsets: int64, shape (q + 1,); offsets[i]:offsets[i + 1] are the neighbors of query i.
        ids: int64, shape (total,); within a query ordered by (distance, id).
        distances: uint16, shape (total,); Hamming distance in bits.

    >>> found = Neighbors(np.array([0, 2, 2]), np.array([7, 3]), np.array([0, 5], np.uint16))
    >>> len(found), found.counts().tolist(), found.of(0)[0].tolist()
    (2, [2, 0], [7, 3])
    """

    offsets: NDArray[np.int64]
    ids: NDArray[np.int64]
    distances: NDArray[np.uint16]

    def __post_init__(self) -> None:
        offsets, ids, distances = KINDS
        is_plain = (
            _is_plain(self.offsets, offsets) and _is_plain(self.ids, ids) and _is_plain(self.distances, distances)
        )
        if not is_plain:
            self._convert()
        if not len(self.offsets) or len(self.ids) != len(self.distances):
            raise InvalidInputError(
                f"neighbors of {len(self.offsets)} offsets, {len(self.ids)} ids and {len(self.distances)} distances; "
                "give one offset more than queries, and an id and a distance to each neighbor"
            )

    def _convert(self) -> None:
        """Take arrays that are not yet as a search gives them, if they can be made so."""
        for name, kind in zip(("offsets", "ids", "distances"), KINDS, strict=True):
            array = check_array(getattr(self, name), f"{name} of neighbors", ("n",), kind)
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self.offsets) - 1

    def checked(self) -> Neighbors:
        """Return these neighbors, whose offsets are seen to rise from 0 to the number of neighbors.

        Raises:
            InvalidInputError: If they do not.
        """
        total = len(self.ids)
        if not rises(self.offsets, total):
            raise InvalidInputError(
                f"neighbors: offsets must rise from 0 to {total}, the number of ids; take what a search gave"
            )
        return self

    def counts(self) -> NDArray[np.int64]:
        """Return the number of neighbors of each query, shape (q,)."""
        return np.diff(self.checked().offsets)

    def of(self, query: int) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
        """Return (ids, distances) of one query, both of shape (found,), as views."""
        query = check_whole(query, "query", 0, len(self) - 1)
        part = slice(self.offsets[query], self.offsets[query + 1])
        if not 0 <= part.start <= part.stop <= len(self.ids):
            self.checked()
        return self.ids[part], self.distances[part]

    def query_numbers(self) -> NDArray[np.int64]:
        """Return for each neighbor the number of its query, shape (total,)."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.counts())

    def to_arrow(self, query_ids: Any, keys: Keyed | None = None) -> pa.Table:
        """Return a table of columns query_id: int64, id: int64, distance: int32, one row a neighbor.

        Args:
            query_ids: Id of each query, whole numbers of shape (q,); or its key, an Arrow array.
            keys: The index that was searched: `id` is then what its items are called by, be it a text or bytes.
        """
        import pyarrow as pa

        found = self.checked()
        if isinstance(query_ids, pa.Array | pa.ChunkedArray):
            if len(query_ids) != len(found):
                raise InvalidInputError(f"{len(query_ids)} query_ids of {len(found)} queries; give one a query")
            asked = query_ids.take(pa.array(found.query_numbers()))
        else:
            asked = check_array(query_ids, "query_ids", (len(found),), "iu").astype(np.int64)[found.query_numbers()]
        return pa.table(
            {
                "query_id": asked,
                "id": found.ids if keys is None else keys.keys(found.ids),
                "distance": found.distances.astype(np.int32),
            }
        )

    @staticmethod
    def empty(queries: int) -> Neighbors:
        """Return the answer in which no query has a neighbor."""
        queries = check_whole(queries, "queries", 0)
        return Neighbors(np.zeros(queries + 1, np.int64), np.empty(0, np.int64), np.empty(0, np.uint16))

    @staticmethod
    def concatenate(parts: Sequence[Neighbors]) -> Neighbors:
        """Join answers of consecutive blocks of queries: first those of parts[0], then those of parts[1]."""
        if len(parts) == 1:
            return parts[0]
        counts = np.concatenate([np.empty(0, np.int64), *(part.counts() for part in parts)])
        return Neighbors(
            offsets_of(counts),
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

        Raises:
            InvalidInputError: If there is no part, or they answer different numbers of queries.
        """
        from hashcore import _kernels
        from hashcore.machine.processors import check_threads

        most, threads = ALL if k is None else check_whole(k, "k", 1, ALL), check_threads(threads)
        if len(parts) == 1 and k is None:
            return parts[0]
        sizes = sorted({len(part) for part in parts})
        if len(sizes) != 1:
            raise InvalidInputError(
                f"answers to {' and '.join(map(str, sizes)) or 'no'} queries cannot be merged; give one or more to the "
                "same queries"
            )
        lists = [(part.offsets, part.ids, part.distances) for part in map(Neighbors.checked, parts)]
        return Neighbors(*_kernels.merge_lists(lists, most, threads))


def _is_plain(array: Any, kind: np.dtype[Any]) -> bool:
    """Return whether there is nothing to convert or to refuse: a search makes such arrays, and many of them."""
    return type(array) is np.ndarray and array.dtype == kind and array.ndim == 1 and array.flags.c_contiguous
