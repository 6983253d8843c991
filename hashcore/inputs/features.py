"""Features as input: lists of numbers, all of one length."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from hashcore.columns.plain import is_list
from hashcore.errors import InvalidInputError
from hashcore.inputs.input import ImageWishes, Input, Inputs, most_frequent

if TYPE_CHECKING:
    import pyarrow as pa


class FeatureInput(Input):
    """Rows of float features."""

    kind: Literal["features"] = "features"
    dimensions: int = Field(ge=1)
    """Values of a row."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item: (dimensions,)."""
        return (self.dimensions,)

    def takes(self, dtype: np.dtype[Any]) -> bool:
        """Return whether training reads arrays of a type as features: any float."""
        return dtype.kind == "f"

    @classmethod
    def of_shape(cls, shape: tuple[int, ...]) -> FeatureInput | None:
        """Describe rows of one dimension; None for any other shape."""
        return cls(dimensions=shape[0]) if len(shape) == 1 and shape[0] else None

    @classmethod
    def infer(cls, columns: list[pa.Array], _wishes: ImageWishes | None = None) -> FeatureInput:
        """Describe lists of numbers, one a row, by the length that most of them have.

        Raises:
            InvalidInputError: If they are no lists of numbers, none holds one, or no half of them has one length.
        """
        import pyarrow.compute as pc

        lengths = Counter(
            int(length)
            for column in columns
            for length in pc.list_value_length(_check_lists(column)).drop_null().to_numpy(zero_copy_only=False)
            if length
        )
        if not lengths:
            raise InvalidInputError("no row holds features; give a corpus with at least one readable row")
        most, rows = lengths.most_common(1)[0]
        if 2 * rows < lengths.total():
            raise InvalidInputError(
                f"rows hold {most_frequent(lengths)} features; give each row as many, in the same order of dimensions"
            )
        return cls(dimensions=most)

    def read(self, column: pa.Array, _threads: int = 1) -> Inputs:
        """Read lists of numbers as float32; a row is bad if null, of another length, or not finite throughout.

        Raises:
            InvalidInputError: If the column holds no lists of numbers.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        array = _check_lists(column)
        lengths = pc.fill_null(pc.list_value_length(array), -1).to_numpy(zero_copy_only=False)
        fits = lengths == self.dimensions
        fitting = array if fits.all() else array.filter(pa.array(fits))
        flat = pc.list_flatten(fitting).to_numpy(zero_copy_only=False)
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, and is refused as such
            values = np.ascontiguousarray(flat, np.float32).reshape(-1, self.dimensions)
        finite = np.isfinite(values).all(axis=1)
        rows = np.flatnonzero(fits)
        reasons = dict.fromkeys(rows[~finite].tolist(), "a value is null, NaN or infinite")
        for row in np.flatnonzero(~fits).tolist():
            reasons[row] = "null" if lengths[row] < 0 else f"{lengths[row]} values where {self.dimensions} are needed"
        kept = values if finite.all() else values[finite]
        return Inputs(kept, rows[finite].astype(np.int64), sorted(reasons.items()))


def _check_lists(array: pa.Array) -> pa.Array:
    """Return a column if it holds lists of numbers."""
    import pyarrow as pa

    kind = array.type
    if not is_list(kind) or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise InvalidInputError(f"features are {kind} but must be lists of numbers, such as list<float>")
    return array
