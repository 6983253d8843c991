"""Explicit supervision: pairs judged similar or dissimilar, and triplets, of rows that need no labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashcore.columns.ids import read_ids
from hashcore.columns.plain import plain
from hashcore.errors import InvalidInputError
from hashcore.supervision.sampling import Batch, Rows

if TYPE_CHECKING:
    import pyarrow as pa

PAIR_COLUMNS = ("left", "right", "similar")
TRIPLET_COLUMNS = ("anchor", "positive", "negative")


@dataclass(frozen=True)
class Pairs:
    """p pairs of rows.

    Attributes:
        left: int64, shape (p,); row number of one.
        right: int64, shape (p,); row number of the other.
        similar: bool, shape (p,).
    """

    left: Rows
    right: Rows
    similar: NDArray[np.bool_]

    def __post_init__(self) -> None:
        for kind, wanted in (("similar", True), ("dissimilar", False)):
            if not (self.similar == wanted).any():
                raise InvalidInputError(f"none of the {len(self)} pairs is {kind}; give pairs of both kinds")

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.left)

    def fits(self, rows: int) -> bool:
        """Return whether all pairs are of rows below a number."""
        return _within(rows, self.left, self.right)

    def take(self, which: Rows) -> Pairs:
        """Return some of the pairs."""
        return Pairs(self.left[which], self.right[which], self.similar[which])

    def batches(self, batch_size: int, generator: np.random.Generator) -> Iterator[Batch]:
        """Yield batches of `batch_size // 2` pairs, half of them similar; the rarer kind is repeated."""
        half = batch_size // 2
        count = max(1, len(self) // half)
        kinds = [np.flatnonzero(self.similar), np.flatnonzero(~self.similar)]
        sizes = [half // 2, half - half // 2]
        orders = [
            np.resize(generator.permutation(kind), (count, size)) for kind, size in zip(kinds, sizes, strict=True)
        ]
        for chosen in np.concatenate(orders, axis=1):
            yield self._batch(chosen)

    def _batch(self, chosen: Rows) -> Batch:
        """Return a batch of pairs, first all left members, then the right ones."""
        similarity, place = _unknown(2 * len(chosen)), np.arange(len(chosen))
        _relate(similarity, place, place + len(chosen), np.where(self.similar[chosen], 1, -1))
        none = np.empty(0, np.int64)
        rows = np.concatenate([self.left[chosen], self.right[chosen]])
        return Batch(rows, none, none, none, similarity, len(chosen))


@dataclass(frozen=True)
class JudgedTriplets:
    """t triplets of rows: the anchor is more similar to the positive than to the negative, each of shape (t,)."""

    anchors: Rows
    positives: Rows
    negatives: Rows

    def __len__(self) -> int:
        """Return the number of triplets."""
        return len(self.anchors)

    def fits(self, rows: int) -> bool:
        """Return whether all triplets are of rows below a number."""
        return _within(rows, self.anchors, self.positives, self.negatives)

    def take(self, which: Rows) -> JudgedTriplets:
        """Return some of the triplets."""
        return JudgedTriplets(self.anchors[which], self.positives[which], self.negatives[which])

    def batches(self, batch_size: int, generator: np.random.Generator) -> Iterator[Batch]:
        """Yield batches of `batch_size // 3` triplets; every triplet comes once, up to a remainder."""
        size = max(1, batch_size // 3)
        for chosen in np.resize(generator.permutation(len(self)), (max(1, len(self) // size), size)):
            place = np.arange(size)
            similarity = _unknown(3 * size)
            _relate(similarity, place, place + size, np.ones(size))
            _relate(similarity, place, place + 2 * size, -np.ones(size))
            rows = np.concatenate([self.anchors[chosen], self.positives[chosen], self.negatives[chosen]])
            yield Batch(rows, place, place + size, place + 2 * size, similarity, size)


Judgements = Pairs | JudgedTriplets


def from_arrow(table: pa.Table, ids: Rows) -> tuple[Judgements, int]:
    """Read judgements of items by their ids: columns left, right, similar, or anchor, positive, negative.

    Args:
        table: One judgement a row.
        ids: Ids of the items, ascending; those of the rows that the result numbers.

    Returns:
        The judgements all of whose items are there, and how many were left out.

    Raises:
        InvalidInputError: If the columns are others, hold nulls, or no judgement is left.
    """
    names = next((c for c in (PAIR_COLUMNS, TRIPLET_COLUMNS) if set(c) <= set(table.schema.names)), None)
    if names is None:
        raise InvalidInputError(
            f"judgements have columns {', '.join(table.schema.names)}; give {', '.join(PAIR_COLUMNS)} for pairs or "
            f"{', '.join(TRIPLET_COLUMNS)} for triplets"
        )
    columns = [table.column(name) for name in names]
    if any(column.null_count for column in columns):
        raise InvalidInputError("judgements hold nulls; drop those rows")
    of_items = columns[:2] if names is PAIR_COLUMNS else columns
    items = [read_ids(column, name, "judgements").to_numpy() for name, column in zip(names, of_items, strict=False)]
    rows = [np.searchsorted(ids, item).clip(max=len(ids) - 1) for item in items]
    known = np.logical_and.reduce([ids[row] == item for row, item in zip(rows, items, strict=True)])
    if not known.any():
        raise InvalidInputError(f"none of the {len(table)} judgements names two items of the corpus; compare their ids")
    kept = [row[known] for row in rows]
    missing = int((~known).sum())
    if names is PAIR_COLUMNS:
        return Pairs(kept[0], kept[1], _similar(columns[2])[known]), missing
    return JudgedTriplets(*kept), missing


def _similar(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Return whether pairs are similar, as true and false or 1 and 0 say.

    Raises:
        InvalidInputError: If another value stands there, such as −1, which is as true as 1 to a computer.
    """
    import pyarrow as pa

    array = plain(column)
    if not (pa.types.is_boolean(array.type) or pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
        raise InvalidInputError(f"judgements say similar as {array.type}; give true and false, or 1 and 0")
    values = array.to_numpy(zero_copy_only=False)
    others = values[~np.isin(values, (0, 1))]
    if len(others):
        raise InvalidInputError(f"judgements say similar={others[0]}; give true and false, or 1 and 0")
    return np.asarray(values, np.bool_)


def _within(rows: int, *members: Rows) -> bool:
    """Return whether all row numbers are from 0 to below `rows`."""
    return all(bool(((member >= 0) & (member < rows)).all()) for member in members)


def _unknown(rows: int) -> NDArray[np.int8]:
    """Return the identity: int8 (n, n), 1 on the diagonal, 0 (unknown) elsewhere."""
    return np.eye(rows, dtype=np.int8)


def _relate(similarity: NDArray[np.int8], left: Rows, right: Rows, kind: NDArray[np.floating]) -> None:
    """Enter pairs both ways."""
    similarity[left, right] = similarity[right, left] = kind
