"""What a hasher reads, and how a column of it becomes an array: good rows in, bad rows out with a reason.

Three kinds of input: float features, images as PNG or JPEG bytes, and sets of tags. Reading this module needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from hashcore.errors import InvalidInputError, require
from hashcore.spec import Spec
from hashcore.tags import TagInput, read_tags

if TYPE_CHECKING:
    import pyarrow as pa

MAX_PIXELS = 1 << 26


class FeatureInput(Spec):
    """Rows of float features."""

    kind: Literal["features"] = "features"
    dimensions: int = Field(ge=1)
    """Values of a row."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item."""
        return (self.dimensions,)

    @property
    def dtype(self) -> type[np.float32]:
        """Type of an item's values."""
        return np.float32


class ImageInput(Spec):
    """Images of one size, as PNG or JPEG bytes."""

    kind: Literal["image"] = "image"
    height: int = Field(ge=1)
    width: int = Field(ge=1)
    channels: Literal[1, 3] = 1
    """1 reads every image as grey, 3 as red, green and blue."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item: channels, height, width."""
        return (self.channels, self.height, self.width)

    @property
    def dtype(self) -> type[np.uint8]:
        """Type of an item's values."""
        return np.uint8

    @model_validator(mode="after")
    def _within_limit(self) -> ImageInput:
        """Refuse sizes whose decoding would fill the memory."""
        if self.height * self.width > MAX_PIXELS:
            raise ValueError(f"images of {self.width} x {self.height} exceed {MAX_PIXELS} pixels; scale them down")
        return self


InputSpec = Annotated[FeatureInput | ImageInput | TagInput, Field(discriminator="kind")]


@dataclass(frozen=True)
class Inputs:
    """Rows of a column that could be read, and what is wrong with the others.

    Attributes:
        values: Shape (good rows, *spec.shape); float32 features, or uint8 pixels.
        kept: int64, shape (good rows,); their row numbers, ascending.
        rejected: (row number, reason) of every other row, ascending.
    """

    values: NDArray[Any]
    kept: NDArray[np.int64]
    rejected: list[tuple[int, str]]


def read_column(column: pa.Array | pa.ChunkedArray, spec: InputSpec) -> Inputs:
    """Read a column: lists of floats for features, binary PNG or JPEG files for images, lists of tags.

    Args:
        column: One item a row.
        spec: What the items must be.

    Returns:
        Good rows and bad. A row is bad if it is null; a feature row also if its length differs or a value is null, NaN
        or infinite; an image also if it cannot be decoded whole or is of another size; tags also if a number is
        unknown.

    Raises:
        InvalidInputError: If the column holds another kind of items altogether.
    """
    import pyarrow as pa

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(spec, ImageInput):
        return _read_images(_check_binary(array), spec)
    if isinstance(spec, TagInput):
        return Inputs(*read_tags(array, spec))
    return _read_features(_check_lists(array), spec)


def infer(column: pa.Array | pa.ChunkedArray) -> InputSpec:
    """Describe a column by its first readable row: size and channels of an image, or the number of features.

    Raises:
        InvalidInputError: If no row can be read, or the column holds neither lists of numbers nor binary data.
    """
    if not _is_binary(column.type):
        lengths = (len(row) for row in _check_lists(column) if row.is_valid and len(row))
        dimensions = next(lengths, 0)
        if not dimensions:
            raise InvalidInputError("no row holds features; give a corpus with at least one readable row")
        return FeatureInput(dimensions=dimensions)
    require("PIL", "train")
    from hashcore.images import describe

    found = next((spec for row in column if isinstance(spec := describe(row.as_py()), ImageInput)), None)
    if found is None:
        raise InvalidInputError("no row holds a readable image; give PNG or JPEG files")
    return found


def _is_binary(kind: pa.DataType) -> bool:
    """Return whether a column holds bytes."""
    return str(kind) in ("binary", "large_binary", "binary_view")  # pyarrow 14, petastorm's, has no predicate for views


def _check_binary(array: pa.Array) -> pa.Array:
    """Return a column if it holds bytes."""
    if not _is_binary(array.type):
        raise InvalidInputError(f"images are {array.type} but must be binary; give PNG or JPEG files")
    return array


def _check_lists(array: pa.Array) -> pa.Array:
    """Return a column if it holds lists of numbers."""
    import pyarrow as pa

    kind = array.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not is_list or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise InvalidInputError(f"features are {kind} but must be lists of numbers, such as list<float>")
    return array


def _read_features(array: pa.Array, spec: FeatureInput) -> Inputs:
    """Return the rows of the right length whose values are all finite."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = pc.fill_null(pc.list_value_length(array), -1).to_numpy(zero_copy_only=False)
    fits = lengths == spec.dimensions
    fitting = array if fits.all() else array.filter(pa.array(fits))
    flat = pc.list_flatten(fitting).to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, and is refused as such
        values = np.ascontiguousarray(flat, np.float32).reshape(-1, spec.dimensions)
    finite = np.isfinite(values).all(axis=1)
    rows = np.flatnonzero(fits)
    reasons = dict.fromkeys(rows[~finite].tolist(), "a value is null, NaN or infinite")
    for row in np.flatnonzero(~fits).tolist():
        reasons[row] = "null" if lengths[row] < 0 else f"{lengths[row]} values where {spec.dimensions} are needed"
    kept = values if finite.all() else values[finite]
    return Inputs(kept, rows[finite].astype(np.int64), sorted(reasons.items()))


def _read_images(array: pa.Array, spec: ImageInput) -> Inputs:
    """Return the images that decode whole and have the right size."""
    require("PIL", "train")
    from hashcore.images import decode

    values = np.empty((len(array), *spec.shape), np.uint8)
    kept: list[int] = []
    rejected: list[tuple[int, str]] = []
    for row, scalar in enumerate(array):
        pixels = decode(scalar.as_py(), spec)
        if isinstance(pixels, str):
            rejected.append((row, pixels))
        else:
            values[len(kept)] = pixels
            kept.append(row)
    return Inputs(values[: len(kept)], np.array(kept, np.int64), rejected)
