"""Sets of tags as input: lists of strings, of which a vocabulary is kept, or lists of numbers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from hashcore.codes import MAX_CODE_LENGTH, MIN_CODE_LENGTH
from hashcore.columns.hot import may_be_hot
from hashcore.columns.plain import is_list, plain
from hashcore.errors import InvalidInputError
from hashcore.inputs.input import Input, Inputs

if TYPE_CHECKING:
    import pyarrow as pa


class TagInput(Input):
    """Sets of tags, read as one value a tag: 1 where an item has it, else 0."""

    kind: Literal["tags"] = "tags"
    dimensions: int = Field(ge=1)
    """Tags that are told apart."""
    vocabulary: Annotated[tuple[str, ...], Field(fail_fast=True)] | None = None
    """Tag i's text, where tags are strings; others are left out. None: tags are numbers below `dimensions`."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item."""
        return (self.dimensions,)

    def read(self, column: pa.Array, _threads: int = 1) -> Inputs:
        """Read sets of tags, one a row, as float32 rows of 0 and 1.

        A row is bad if it is null, or has a number that the hasher does not know; unknown strings are left out.

        Raises:
            InvalidInputError: If the column holds no tags, or strings where the hasher knows numbers.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        column = check_tags(column)
        lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
        rows = np.repeat(np.arange(len(column)), lengths)
        values = pc.list_flatten(column)
        if pa.types.is_integer(values.type) != (self.vocabulary is None):
            raise InvalidInputError(
                f"tags are {column.type}, but the hasher was made for the other of strings and numbers"
            )
        if self.vocabulary is not None:
            values = pc.index_in(values, pa.array(self.vocabulary, values.type))
        known = np.asarray(values.is_valid())
        tags = values.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        beyond = known & ((tags < 0) | (tags >= self.dimensions))
        reasons = dict.fromkeys(np.flatnonzero(np.asarray(column.is_null())).tolist(), "null")
        for row, tag in zip(rows[beyond].tolist(), tags[beyond].tolist(), strict=True):
            reasons[row] = f"tag {tag} where tags are 0..{self.dimensions - 1}"
        items = np.zeros((len(column), self.dimensions), np.float32)
        items[rows[known & ~beyond], tags[known & ~beyond]] = 1
        kept = np.setdiff1d(np.arange(len(column)), np.array(list(reasons), np.int64))
        return Inputs(items[kept], kept.astype(np.int64), sorted(reasons.items()))


def is_tags(kind: pa.DataType) -> bool:
    """Return whether a column holds lists of strings or of whole numbers."""
    import pyarrow as pa

    if not is_list(kind):
        return False
    value = plain(pa.nulls(0, kind.value_type)).type
    return bool(pa.types.is_integer(value) or pa.types.is_string(value) or pa.types.is_large_string(value))


def check_tags(column: pa.Array) -> pa.Array:
    """Return a column's plain lists, one a row, if it holds lists of strings or of whole numbers.

    Raises:
        InvalidInputError: If it holds anything else, or a 0 or 1 for each tag.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    array = plain(column)
    if not is_tags(array.type):
        raise InvalidInputError(f"tags are {array.type} but must be lists of strings or of whole numbers")
    if pa.types.is_integer(array.type.value_type):
        values = pc.list_flatten(array).drop_null().to_numpy(zero_copy_only=False)
        counts = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
        if counts.sum() == len(values) and counts.max(initial=0) > 2 and may_be_hot(counts, values):
            raise InvalidInputError(
                f"tags are lists of {counts.max()} values, all 0 and 1, as if there were one for each tag; give the "
                "numbers of the tags that an item has"
            )
    return array


def describe_tags(column: pa.Array) -> TagInput:
    """Describe a column of tags, a list a row: as many numbers as occur, or its most frequent strings, up to 4,096.

    Raises:
        InvalidInputError: If there are no tags, or numbers that are negative or too large for a code.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    values = pc.list_flatten(check_tags(column)).drop_null()
    if not len(values):
        raise InvalidInputError("no row has a tag; give a corpus with at least one")
    if pa.types.is_integer(values.type):
        low, high = (int(bound.as_py()) for bound in pc.min_max(values).values())
        if low < 0 or high >= MAX_CODE_LENGTH:
            raise InvalidInputError(
                f"tags are numbered {low} to {high}; number them 0..{MAX_CODE_LENGTH - 1}, or give them as strings, of "
                f"which the {MAX_CODE_LENGTH} most frequent are taken"
            )
        return TagInput(dimensions=max(high + 1, MIN_CODE_LENGTH))
    counts = Counter({str(pair["values"]): int(pair["counts"]) for pair in values.value_counts().to_pylist()})
    frequent = sorted(counts, key=lambda tag: (-counts[tag], tag))[:MAX_CODE_LENGTH]
    return TagInput(dimensions=max(len(frequent), MIN_CODE_LENGTH), vocabulary=tuple(frequent))
