"""Columns of inputs as arrays: good rows in, bad rows out with a reason. Reading this module needs no torch.

A new kind of input needs its file beside this one, and its name in `InputSpec`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from hashcore.columns.plain import plain
from hashcore.errors import InvalidInputError
from hashcore.inputs.features import FeatureInput
from hashcore.inputs.image_resizing import Interpolation
from hashcore.inputs.images import ImageInput
from hashcore.inputs.input import ImageWishes, Input, Inputs, Resizing, most_frequent
from hashcore.inputs.tags import TagInput
from hashcore.spec import members

if TYPE_CHECKING:
    import pyarrow as pa

InputSpec = Annotated[FeatureInput | ImageInput | TagInput, Field(discriminator="kind")]
KINDS: tuple[type[FeatureInput | ImageInput | TagInput], ...] = members(InputSpec)


def read_column(column: pa.Array | pa.ChunkedArray, spec: Input, *, threads: int = 1) -> Inputs:
    """Read a column: lists of floats for features, bytes of files for images, lists of tags.

    Args:
        column: One item a row; structs of a field `reason` may say why there is none.
        spec: Description of an item.
        threads: That decode images; what is read does not depend on their number.

    Returns:
        Good rows and bad. A row is bad if it is null; a feature row also if its length differs or a value is null, NaN
        or infinite; an image also if it cannot be decoded whole, or is of another size and not resized; tags also if a
        number is unknown.

    Raises:
        InvalidInputError: If the column holds another kind of items altogether.
    """
    array = plain(column)
    inputs = spec.read(array, threads)
    said = _reasons(array) if inputs.rejected else None
    if said is None:
        return inputs
    return replace(inputs, rejected=[(row, said[row].as_py() or reason) for row, reason in inputs.rejected])


def infer(
    columns: pa.Array | pa.ChunkedArray | Sequence[pa.Array],
    *,
    channels: Literal[1, 3] | None = None,
    size: tuple[int, int] | None = None,
    resize: Resizing = "none",
    interpolation: Interpolation = "bilinear",
) -> InputSpec:
    """Describe columns by their readable rows: most images' size and all colours, or most rows' number of features.

    Args:
        columns: One item a row, such as samples of a corpus.
        channels: Of images, where it is said; else 3 if any image has colours.
        size: Height and width of images, where it is said.
        resize: How images become of one size; `none` refuses others, `auto` crops unless all of them have the size.
        interpolation: Filter of resizing.

    Raises:
        InvalidInputError: If no row can be read, no half of them has one size and they are not resized, or they are
            neither lists of numbers nor images.
    """
    given = [plain(column) for column in (columns if isinstance(columns, list | tuple) else [columns])]
    known = [reasons for column in given if (reasons := _reasons(column)) is not None]
    said = Counter(reason for reasons in known for reason in reasons.to_pylist())
    if said and None not in said:
        raise InvalidInputError(
            f"no row names a file that can be read: {most_frequent(said)}; give paths from the folder of the corpus, "
            "or name another column"
        )
    kind = next((kind for kind in KINDS if all(map(kind.is_held_by, given))), FeatureInput)
    return kind.infer(given, ImageWishes(channels, size, resize, interpolation))


def of_shape(shape: tuple[int, ...]) -> InputSpec | None:
    """Describe items by the shape of one, such as (dimensions,); None if no kind of input has such a shape."""
    return next((found for kind in KINDS if (found := kind.of_shape(shape)) is not None), None)


def _reasons(array: pa.Array) -> pa.Array | None:
    """Return why rows have no item, null where they have one; None where the column does not say it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_struct(array.type) or array.type.get_field_index("reason") < 0:
        return None
    return pc.struct_field(array, "reason")
