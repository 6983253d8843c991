"""Labels of items and queries: a query and an item that share a label are relevant to each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashcore.arguments import as_array, check_array, check_places, check_whole, offsets_of, rises
from hashcore.columns.hot import may_be_hot
from hashcore.errors import InvalidInputError

if TYPE_CHECKING:
    import pyarrow as pa

INT32 = np.iinfo(np.int32)
MASK_BITS = 64
ROWS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Labels:
    """Labels of n rows, concatenated; a row has none, one (its class) or several.

    Attributes:
        offsets: int64, shape (n + 1,); offsets[i]:offsets[i + 1] are the labels of row i.
        values: int32, shape (total,); in a row in the order they were given, repetitions kept.

    >>> labels = Labels.from_lists([[7], [], [2, 7]])
    >>> len(labels), labels.of(2).tolist(), labels.counts().tolist()
    (3, [2, 7], [1, 0, 2])
    """

    offsets: NDArray[np.int64]
    values: NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.offsets) - 1

    def of(self, row: int) -> NDArray[np.int32]:
        """Return the labels of one row, int32 of shape (labels,), as a view."""
        row = check_whole(row, "row", 0, len(self) - 1)
        if not 0 <= self.offsets[row] <= self.offsets[row + 1] <= len(self.values):
            self.checked()
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "offsets", check_array(self.offsets, "offsets of labels", ("n + 1",), np.int64))
        object.__setattr__(self, "values", check_array(self.values, "values of labels", ("total",), np.int32))
        if not len(self.offsets):
            raise InvalidInputError("offsets of labels: need one more than rows, got none; use Labels.from_lists(rows)")

    def checked(self) -> Labels:
        """Return these labels of n rows, whose offsets are seen to rise from 0 to the number of labels.

        Raises:
            InvalidInputError: If they do not.
        """
        total = len(self.values)
        if not rises(self.offsets, total):
            raise InvalidInputError(
                f"labels: offsets must rise from 0 to {total}, the number of labels; use Labels.from_lists(rows)"
            )
        return self

    def counts(self) -> NDArray[np.int64]:
        """Return the number of labels of each row, shape (n,)."""
        return np.diff(self.checked().offsets)

    def row_numbers(self) -> NDArray[np.int64]:
        """Return for each label the number of its row, shape (total,)."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.counts())

    @staticmethod
    def from_lists(rows: Iterable[Sequence[int]]) -> Labels:
        """Join n sequences of labels, one a row.

        Raises:
            InvalidInputError: If a label is no whole number or does not fit int32, or a matrix has a 0 or 1 for each
                class.

        >>> Labels.from_lists([[7], [], [2, 7]]).offsets.tolist()
        [0, 1, 1, 3]
        """
        if (
            isinstance(rows, np.ndarray)
            and rows.ndim == 2
            and may_be_hot(np.full(len(rows), rows.shape[1]), rows.ravel())
        ):
            raise InvalidInputError(
                f"labels are a matrix of shape {rows.shape} of 0 and 1, as if there were one for each class; give the "
                "numbers of the classes, [np.flatnonzero(row) for row in matrix], or lists"
            )
        try:
            lists = [list(row) for row in rows]
        except TypeError:
            raise InvalidInputError("labels: need one sequence of labels a row, such as [[7], [], [2, 7]]") from None
        values = [label for labels in lists for label in labels]
        return Labels(offsets_of(np.fromiter(map(len, lists), np.int64, len(lists))), _int32(values))

    @staticmethod
    def from_arrow(column: pa.Array | pa.ChunkedArray) -> Labels:
        """Read an Arrow column of lists of integers; a null list is a row without labels.

        Raises:
            InvalidInputError: If the column holds no lists, or a label is null, no whole number or beyond int32.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if not isinstance(column, (pa.Array, pa.ChunkedArray)):
            raise InvalidInputError(f"labels are a {type(column).__name__} but must be a column of Arrow")
        kind = column.type
        is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
        if not is_list or not pa.types.is_integer(kind.value_type):
            raise InvalidInputError(f"labels are {kind} but must be list<int32>; put each row's labels in a list")
        values = pc.list_flatten(column)
        if values.null_count:
            raise InvalidInputError(f"{values.null_count} labels are null; drop them, or leave the row's list empty")
        lengths = pc.fill_null(pc.list_value_length(column), 0)
        return Labels(offsets_of(lengths.to_numpy()), _int32(values.to_numpy()))

    def to_arrow(self) -> pa.Array:
        """Return a column of type list<int32>, one list a row.

        Raises:
            InvalidInputError: If there are more labels than the 2³¹ − 1 that one list<int32> array holds.
        """
        import pyarrow as pa

        self.checked()
        if len(self.values) > INT32.max:
            raise InvalidInputError(
                f"{len(self.values)} labels exceed the {INT32.max} of an Arrow list; take fewer rows"
            )
        return pa.ListArray.from_arrays(pa.array(self.offsets.astype(np.int32)), pa.array(self.values))

    def slice(self, start: int, stop: int) -> Labels:
        """Return the labels of rows start:stop, as far as there are such; row i of them is row start + i."""
        start = check_whole(start, "start", 0, len(self))
        stop = check_whole(stop, "stop", start)
        offsets = self.offsets[start : stop + 1]
        if (offsets[1:] < offsets[:-1]).any() or not 0 <= offsets[0] <= offsets[-1] <= len(self.values):
            self.checked()
        return Labels(offsets - offsets[0], self.values[offsets[0] : offsets[-1]])

    def take(self, rows: NDArray[np.int64]) -> Labels:
        """Return labels of which row i is row rows[i]; `rows` has shape (k,) and may name a row more than once."""
        rows = check_places(rows, "rows", len(self))
        starts, ends = self.offsets[rows], self.offsets[rows + 1]
        if len(rows) and (starts.min() < 0 or ends.max() > len(self.values) or (ends < starts).any()):
            self.checked()
        offsets = offsets_of(ends - starts)
        shift = np.repeat(starts - offsets[:-1], np.diff(offsets))
        return Labels(offsets, self.values[np.arange(offsets[-1]) + shift])

    @staticmethod
    def concatenate(parts: Sequence[Labels]) -> Labels:
        """Join labels of blocks of n rows each, first those of parts[0], then those of parts[1]."""
        parts = [check_labels(part) for part in parts]
        counts = np.concatenate([np.empty(0, np.int64), *(part.counts() for part in parts)])
        return Labels(offsets_of(counts), np.concatenate([np.empty(0, np.int32), *(part.values for part in parts)]))

    def vocabulary(self) -> NDArray[np.int32]:
        """Return the distinct labels in ascending order, int32 of shape (distinct labels,)."""
        return np.unique(self.values)

    def to_masks(self, vocabulary: NDArray[np.int32]) -> NDArray[np.uint64]:
        """Return the labels as bit masks: two rows share a label of the vocabulary where their masks share a bit.

        Args:
            vocabulary: Distinct labels in ascending order, shape (labels,). The queries' own are enough to judge any
                item, since a label that is not in the vocabulary is dropped.

        Returns:
            uint64, shape (n, words) with words = max(1, ceil(len(vocabulary) / 64)); vocabulary[i] is bit i % 64
            (least significant first) of word i // 64.

        Raises:
            InvalidInputError: If the vocabulary does not ascend.

        >>> Labels.from_lists([[7], [], [2, 9, 7]]).to_masks(np.array([2, 7], np.int32)).tolist()
        [[2], [0], [3]]
        """
        vocabulary = check_array(vocabulary, "vocabulary", ("labels",), "iu")
        self.checked()
        if (vocabulary[1:] <= vocabulary[:-1]).any():
            raise InvalidInputError("the vocabulary must ascend without repetition; use Labels.vocabulary()")
        masks = np.zeros((len(self), max(1, -(-len(vocabulary) // MASK_BITS))), np.uint64)
        for start in range(0, len(self), ROWS_AT_ONCE):  # the numbers of rows and bits take six times the masks' space
            self.slice(start, start + ROWS_AT_ONCE)._set_bits(masks[start : start + ROWS_AT_ONCE], vocabulary)
        return masks

    def _set_bits(self, masks: NDArray[np.uint64], vocabulary: NDArray[np.int32]) -> None:
        """Set the bits of every row in zeroed, C-ordered masks."""
        known = np.isin(self.values, vocabulary)
        row, position = self.row_numbers()[known], np.searchsorted(vocabulary, self.values[known])
        bits = np.uint64(1) << (position % MASK_BITS).astype(np.uint64)
        np.bitwise_or.at(masks.reshape(-1), row * masks.shape[1] + position // MASK_BITS, bits)


def check_labels(labels: Any, rows: int | None = None) -> Labels:
    """Return labels if they are sound, and of as many rows as there must be; `rows=None` allows any n rows.

    Raises:
        InvalidInputError: If they are not.
    """
    if not isinstance(labels, Labels):
        raise InvalidInputError(
            f"labels are a {type(labels).__name__}; give hashcore.labels.Labels.from_lists(rows), a list of labels "
            "for each row"
        )
    if rows is not None and len(labels) != rows:
        raise InvalidInputError(f"{len(labels)} rows of labels for {rows} codes; give one row of labels a code")
    return labels.checked()


def _int32(labels: ArrayLike) -> NDArray[np.int32]:
    """Return labels as int32 if every one is a whole number that fits."""
    values = as_array(labels, "labels")
    if values.size == 0:
        return np.empty(0, np.int32)
    if not np.issubdtype(values.dtype, np.integer):
        raise InvalidInputError(f"labels are {values.dtype} but must be whole numbers; number the classes")
    if values.min() < INT32.min or values.max() > INT32.max:
        raise InvalidInputError(f"labels span {values.min()}..{values.max()} but must fit int32; number the classes")
    return values.astype(np.int32)
