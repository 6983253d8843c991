"""Images as input: files of any format, size and colours, decoded to pixels of one size.

Whatever the bytes are, the answer is an image or the reason against it. Pillow is imported only where images are read.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from hashcore.columns.plain import plain
from hashcore.errors import InvalidInputError, require
from hashcore.inputs.image_decoding import decode, described
from hashcore.inputs.image_files import MAX_PIXELS, NAMES
from hashcore.inputs.image_resizing import Resize
from hashcore.inputs.input import ImageWishes, Input, Inputs, most_frequent

if TYPE_CHECKING:
    import pyarrow as pa

COMMON = (64, 64)  # height and width where neither the images nor their owner say any
AT_ONCE = 16  # images that a thread takes


class ImageInput(Input):
    """Images, as files' bytes, read as pixels of one size."""

    kind: Literal["image"] = "image"
    height: int = Field(ge=1)
    width: int = Field(ge=1)
    channels: Literal[1, 3] = 1
    """1 reads every image as grey, 3 as red, green and blue."""
    resize: Resize | None = None
    """How images of every size become of this one; None refuses those of another size."""

    dtype: ClassVar[type[np.generic]] = np.uint8
    """Type of an item's values."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item: (channels, height, width)."""
        return (self.channels, self.height, self.width)

    @model_serializer(mode="wrap")
    def _only_what_is_said(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out `resize` where there is none, so that older hashers stay what they are to the byte."""
        held: dict[str, Any] = dump(self)
        if self.resize is None:
            held.pop("resize", None)
        return held

    @model_validator(mode="after")
    def _within_limit(self) -> ImageInput:
        """Refuse sizes whose decoding would fill the memory."""
        if self.height * self.width > MAX_PIXELS:
            raise ValueError(f"images of {self.width} x {self.height} exceed {MAX_PIXELS} pixels; scale them down")
        return self

    @classmethod
    def is_held_by(cls, column: pa.Array) -> bool:
        """Return whether a column holds bytes, or structs of bytes and path, one a row."""
        return image_bytes(column) is not None

    @classmethod
    def of_shape(cls, shape: tuple[int, ...]) -> ImageInput | None:
        """Describe images of shape (channels, height, width); None for any other shape."""
        if len(shape) != 3 or shape[0] not in (1, 3) or 0 in shape:
            return None
        channels: Literal[1, 3] = 1 if shape[0] == 1 else 3
        return cls(channels=channels, height=shape[1], width=shape[2])

    @classmethod
    def infer(cls, columns: list[pa.Array], wishes: ImageWishes | None = None) -> ImageInput:
        """Describe images, one a row, by the size and colours of some, as far as neither is said.

        Raises:
            InvalidInputError: If the size is too large, no image can be read, or they are of several sizes, none that
                half of them have, and shall not be resized.
        """
        wishes = wishes or ImageWishes()
        channels, size, resize = wishes.channels, wishes.size, wishes.resize
        if size is not None and size[0] * size[1] > MAX_PIXELS:
            raise InvalidInputError(
                f"train.size=[{size[0]}, {size[1]}] exceeds {MAX_PIXELS} pixels; give a smaller one"
            )
        if channels is not None and size is not None and resize != "auto":
            return cls(height=size[0], width=size[1], channels=channels, resize=wishes.how(resize))
        require("PIL", "train")
        seen = (described(row.as_py()) for column in columns for row in _check_binary(column))
        found = [each for each in seen if not isinstance(each, str)]
        if not found:
            raise InvalidInputError(f"no row holds a readable image; give {NAMES} files")
        sizes = Counter((height, width) for _, height, width in found)
        if resize == "auto":
            resize = "none" if len(sizes) == 1 and size in (None, *sizes) else "crop"
        coloured: Literal[1, 3] = 3 if any(each == 3 for each, _, _ in found) else 1
        height, width = size or _common(sizes, resize)
        return cls(height=height, width=width, channels=channels or coloured, resize=wishes.how(resize))

    def read(self, column: pa.Array, threads: int = 1) -> Inputs:
        """Read images, one a row, as uint8 pixels; one is bad if null, not decoded whole, or not of a size that fits.

        Raises:
            InvalidInputError: If the column holds no bytes.
        """
        array = _check_binary(column)
        require("PIL", "train")
        values = np.empty((len(array), *self.shape), np.uint8)

        def fill(start: int) -> list[tuple[int, str]]:
            bad = []
            for row in range(start, min(start + AT_ONCE, len(array))):
                pixels = decode(array[row].as_py(), self.shape, self.resize)
                if isinstance(pixels, str):
                    bad.append((row, pixels))
                else:
                    values[row] = pixels
            return bad

        starts = range(0, len(array), AT_ONCE)
        if threads > 1 and len(starts) > 1:
            with ThreadPoolExecutor(min(threads, len(starts))) as pool:
                bad = [each for part in pool.map(fill, starts) for each in part]
        else:
            bad = [each for start in starts for each in fill(start)]
        kept = np.setdiff1d(np.arange(len(array), dtype=np.int64), np.array([row for row, _ in bad], np.int64))
        return Inputs(values[kept] if bad else values, kept, bad)


def _common(sizes: Counter[tuple[int, int]], resize: str) -> tuple[int, int]:
    """Return the height and width that images are brought to, or have, where nobody says any.

    Raises:
        InvalidInputError: If they have several, none that half of them have, and shall not be resized.
    """
    common, rows = sizes.most_common(1)[0]
    is_of_most = 2 * rows >= sizes.total()
    if resize == "none" and not is_of_most:
        shown = most_frequent(Counter({f"{wide} x {high}": count for (high, wide), count in sizes.items()}))
        raise InvalidInputError(
            f"images are of {len(sizes)} sizes: {shown}; scale them to one, say train.size=[height, width], or let "
            "train.resize be auto"
        )
    return common if resize == "none" or (is_of_most and max(common) <= max(COMMON)) else COMMON


def image_bytes(array: pa.Array) -> pa.Array | None:
    """Return a column's bytes of images, one a row, or None if it holds none.

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
        raise InvalidInputError(f"images are {array.type} but must be binary; give {NAMES} files")
    return held
