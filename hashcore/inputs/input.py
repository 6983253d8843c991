"""A kind of input: the contract of what a hasher reads, and the rows of a column that could be read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from hashcore.spec import Spec

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Inputs:
    """Rows of a column that could be read, and the reasons against the others.

    Attributes:
        values: Shape (good rows, *spec.shape), of type `spec.dtype`; values[i] is row kept[i].
        kept: int64, shape (good rows,); their row numbers, ascending.
        rejected: (row number, reason) of every other row, ascending.
    """

    values: NDArray[Any]
    kept: NDArray[np.int64]
    rejected: list[tuple[int, str]]


class Input(Spec):
    """A kind of input; each has a file of its own, and a `kind` that tells it in JSON and names its modality."""

    dtype: ClassVar[type[np.generic]] = np.float32
    """Type of an item's values."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item."""
        raise NotImplementedError

    def read(self, column: pa.Array) -> Inputs:
        """Read a plain column, one item a row.

        Raises:
            InvalidInputError: If it holds another kind of items altogether.
        """
        raise NotImplementedError

    def takes(self, dtype: np.dtype[Any]) -> bool:
        """Return whether training reads arrays of a type as such items."""
        return dtype == self.dtype

    @classmethod
    def is_held_by(cls, _column: pa.Array) -> bool:
        """Return whether a plain column, an item a row, can only hold such items; False where they must be named."""
        return False

    @classmethod
    def infer(
        cls, columns: list[pa.Array], channels: Literal[1, 3] | None = None, size: tuple[int, int] | None = None
    ) -> Self:
        """Describe plain columns, one item a row, by most of their readable rows.

        Args:
            columns: Samples of a corpus, one item a row.
            channels: Of images, where it is said.
            size: Height and width of images, where it is said.

        Raises:
            InvalidInputError: If no row can be read, or the rows differ too much.
        """
        raise NotImplementedError

    @classmethod
    def of_shape(cls, _shape: tuple[int, ...]) -> Self | None:
        """Describe items by the shape of one; None where that shape means another kind."""
        return None


def most_frequent(counts: Counter[int] | Counter[str], shown: int = 4) -> str:
    """Return the most frequent values with the rows that have them, for an error."""
    text = ", ".join(f"{value} ({rows} rows)" for value, rows in counts.most_common(shown))
    return text + (" and others" if len(counts) > shown else "")
