"""What a hasher reads, and how a column of it becomes an array: good rows in, bad rows out with a reason.

Three kinds of input: float features, images as PNG or JPEG bytes, and sets of tags. Reading this module needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from hashcore.columns.plain import is_list, plain
from hashcore.errors import InvalidInputError, require
from hashcore.inputs.tags import TagInput, read_tags
from hashcore.spec import Spec

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
    array = plain(column)
    if isinstance(spec, ImageInput):
        return _read_images(_check_binary(array), spec)
    if isinstance(spec, TagInput):
        return Inputs(*read_tags(array, spec))
    return _read_features(_check_lists(array), spec)


def infer(
    columns: pa.Array | pa.ChunkedArray | Sequence[pa.Array],
    *,
    channels: Literal[1, 3] | None = None,
    size: tuple[int, int] | None = None,
) -> InputSpec:
    """Describe columns by their readable rows: most images' size and all colours, or most rows' number of features.

    Args:
        columns: One item a row, such as samples of a corpus.
        channels: Of images, where it is said; else 3 if any image has colours.
        size: Height and width of images, where it is said.

    Raises:
        InvalidInputError: If no row can be read, no half of them has one size, or they are neither lists of numbers nor
            images.
    """
    from hashcore.inputs.inference import infer_features, infer_images

    given = columns if isinstance(columns, list | tuple) else [columns]
    items = [images if (images := image_bytes(each := plain(column))) is not None else each for column in given]
    if all(_is_binary(item.type) for item in items):
        return infer_images(items, channels, size)
    return infer_features([_check_lists(item) for item in items])


def image_bytes(array: pa.Array) -> pa.Array | None:
    """Return a column's bytes of images, or None if it holds none.

    They are binary, or a struct of `bytes` and `path`, as Hugging Face keeps images; of a path alone nothing is read.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if _is_binary(array.type):
        return array
    if not pa.types.is_struct(array.type) or array.type.get_field_index("bytes") < 0:
        return None
    held = plain(pc.struct_field(array, "bytes"))
    return held if _is_binary(held.type) else None


def _is_binary(kind: pa.DataType) -> bool:
    """Return whether a column holds bytes."""
    return str(kind) in ("binary", "large_binary")


def _check_binary(array: pa.Array) -> pa.Array:
    """Return a column's bytes if it holds images."""
    held = image_bytes(array)
    if held is None:
        raise InvalidInputError(f"images are {array.type} but must be binary; give PNG or JPEG files")
    return held


def _check_lists(array: pa.Array) -> pa.Array:
    """Return a column if it holds lists of numbers."""
    import pyarrow as pa

    kind = array.type
    if not is_list(kind) or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
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
    from hashcore.inputs.images import decode

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
