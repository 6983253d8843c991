"""Images as input: PNG and JPEG bytes, decoded to pixels of one size.

Whatever the bytes are, the answer is an image or the reason against it. Pillow is imported only where images are read.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from functools import cache
from io import BytesIO
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from hashcore.columns.plain import plain
from hashcore.errors import InvalidInputError, one_line, require
from hashcore.inputs.input import Input, Inputs, most_frequent

if TYPE_CHECKING:
    import pyarrow as pa
    from PIL.Image import Image

MAX_PIXELS = 1 << 26
GREY_MODES = ("1", "L", "LA")
MODES = (*GREY_MODES, "P", "RGB", "RGBA", "CMYK")
ORIENTATION = 0x0112  # of EXIF
TURNS = {  # what brings an image upright, by its orientation
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
TURNED = (5, 6, 7, 8)  # those that exchange height and width
DAMAGES = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


class ImageInput(Input):
    """Images of one size, as PNG or JPEG bytes."""

    kind: Literal["image"] = "image"
    height: int = Field(ge=1)
    width: int = Field(ge=1)
    channels: Literal[1, 3] = 1
    """1 reads every image as grey, 3 as red, green and blue."""

    dtype: ClassVar[type[np.generic]] = np.uint8
    """Type of an item's values."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item: (channels, height, width)."""
        return (self.channels, self.height, self.width)

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
    def infer(
        cls, columns: list[pa.Array], channels: Literal[1, 3] | None = None, size: tuple[int, int] | None = None
    ) -> ImageInput:
        """Describe images, one a row, by the size of most of them and the colours of any, as far as neither is said.

        Raises:
            InvalidInputError: If no image can be read, or no half of them has one size.
        """
        if channels is not None and size is not None:
            return cls(height=size[0], width=size[1], channels=channels)
        require("PIL", "train")
        seen = (describe(row.as_py()) for column in columns for row in _check_binary(column))
        found = Counter(each for each in seen if isinstance(each, ImageInput))
        if not found:
            raise InvalidInputError("no row holds a readable image; give PNG or JPEG files")
        sizes: Counter[tuple[int, int]] = Counter()
        for each, rows in found.items():
            sizes[each.height, each.width] += rows
        (height, width), rows = sizes.most_common(1)[0]
        if size is None and 2 * rows < sizes.total():
            shown = most_frequent(Counter({f"{wide} x {high}": count for (high, wide), count in sizes.items()}))
            raise InvalidInputError(
                f"images are of {len(sizes)} sizes: {shown}; scale them to one, or say train.size=[height, width]"
            )
        coloured: Literal[1, 3] = 3 if any(each.channels == 3 for each in found) else 1
        height, width = size or (height, width)
        return cls(height=height, width=width, channels=channels or coloured)

    def read(self, column: pa.Array) -> Inputs:
        """Read images, one a row, as uint8 pixels; one is bad if null, not decoded whole, or of another size.

        Raises:
            InvalidInputError: If the column holds no bytes.
        """
        array = _check_binary(column)
        require("PIL", "train")
        values = np.empty((len(array), *self.shape), np.uint8)
        kept: list[int] = []
        rejected: list[tuple[int, str]] = []
        for row, scalar in enumerate(array):
            pixels = decode(scalar.as_py(), self)
            if isinstance(pixels, str):
                rejected.append((row, pixels))
            else:
                values[len(kept)] = pixels
                kept.append(row)
        return Inputs(values[: len(kept)], np.array(kept, np.int64), rejected)


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
        raise InvalidInputError(f"images are {array.type} but must be binary; give PNG or JPEG files")
    return held


def describe(data: bytes | None) -> ImageInput | str:
    """Return size and channels of a PNG or JPEG file, or the reason why it cannot be read."""
    image = _open(data)
    if isinstance(image, str):
        return image
    width, height = _size(image)
    return ImageInput(height=height, width=width, channels=1 if image.mode in GREY_MODES else 3)


def decode(data: bytes | None, spec: ImageInput) -> NDArray[np.uint8] | str:
    """Return the pixels of a PNG or JPEG file, uint8 of shape `spec.shape`, or the reason why it cannot be read.

    Nothing is decoded before the header has told the right size. An image is turned as its EXIF says, as every viewer
    shows it; an alpha channel is dropped; colours for print (CMYK) become those of a screen by plain arithmetic.
    """
    image = _open(data)
    if isinstance(image, str):
        return image
    width, height = _size(image)
    if (width, height) != (spec.width, spec.height):
        return f"image of {width} x {height} where {spec.width} x {spec.height} is needed"
    try:
        pixels = np.asarray(upright(image).convert("L" if spec.channels == 1 else "RGB"))
    except DAMAGES as error:
        return _broken(error)
    return pixels.reshape(spec.height, spec.width, spec.channels).transpose(2, 0, 1)


def upright(image: Image) -> Image:
    """Return an image turned as its EXIF says; one whose EXIF is damaged as it is."""
    turn = TURNS.get(_orientation(image))
    return image if turn is None else image.transpose(_pillow().Transpose[turn])


def _orientation(image: Image) -> int:
    """Return the orientation of an image by its EXIF, 1 for upright."""
    exif = _pillow().Exif()
    try:  # image.getexif() would decode a whole PNG file to look behind its pixels
        exif.load(image.info.get("exif", b""))
        found = exif.get(ORIENTATION, 1)
    except (*DAMAGES, ArithmeticError, LookupError, TypeError):
        return 1
    return found if isinstance(found, int) else 1


def _size(image: Image) -> tuple[int, int]:
    """Return width and height of an image when it is upright."""
    return (image.height, image.width) if _orientation(image) in TURNED else image.size


def _open(data: bytes | None) -> Image | str:
    """Return an image whose header has been read, or the reason why it has not."""
    if data is None:
        return "null"
    pillow = _pillow()
    try:
        image: Image = pillow.open(BytesIO(data), formats=("PNG", "JPEG"))
    except pillow.UnidentifiedImageError:
        return "not a PNG or JPEG file"
    except (*DAMAGES, pillow.DecompressionBombError, pillow.DecompressionBombWarning) as error:
        return _broken(error)
    if image.width * image.height > MAX_PIXELS:
        return f"image of {image.width} x {image.height} exceeds {MAX_PIXELS} pixels"
    return image if image.mode in MODES else f"image of mode {image.mode} where 8 bits per channel are needed"


@cache
def _pillow() -> ModuleType:
    """Return PIL.Image: an import statement would take some microseconds of each image."""
    from PIL import Image

    return Image


def _broken(error: Exception) -> str:
    """Say in one line that an image is damaged."""
    return f"truncated or damaged image ({one_line(error, None)})"
