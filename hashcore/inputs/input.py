"""A kind of input: the contract of what a hasher reads, and the rows of a column that could be read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from hashcore.inputs.image_resizing import Interpolation, Resize
from hashcore.spec import Spec

if TYPE_CHECKING:
    import pyarrow as pa

Resizing = Literal["auto", "none", "crop", "stretch", "pad"]


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


class ImageWishes(NamedTuple):
    """What is said of images before one was looked at.

    Attributes:
        channels: 1 grey, 3 red, green and blue; None looks at some.
        size: Height and width; None looks at some.
        resize: How they become of one size; `none` refuses others, `auto` is `none` where those looked at have the
            wanted size all, else `crop`.
        interpolation: With what filter.
    """

    channels: Literal[1, 3] | None = None
    size: tuple[int, int] | None = None
    resize: Resizing = "none"
    interpolation: Interpolation = "bilinear"

    def how(self, resize: str) -> Resize | None:
        """Return how images are resized when `auto` is decided."""
        return (
            None if resize == "none" else Resize.model_validate({"mode": resize, "interpolation": self.interpolation})
        )


class Input(Spec):
    """A kind of input; each has a file of its own, and a `kind` that tells it in JSON and names its modality."""

    dtype: ClassVar[type[np.generic]] = np.float32
    """Type of an item's values."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item."""
        raise NotImplementedError

    def read(self, column: pa.Array, threads: int = 1) -> Inputs:
        """Read a plain column, one item a row, on some threads; what is read does not depend on their number.

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
    def infer(cls, columns: list[pa.Array], wishes: ImageWishes | None = None) -> Self:
        """Describe plain columns, one item a row, by most of their readable rows.

        Args:
            columns: Samples of a corpus, one item a row.
            wishes: What is said of images.

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
