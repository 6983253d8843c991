"""Images from PNG and JPEG bytes. Whatever the bytes are, the answer is an image or the reason why there is none."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from hashcore.inputs.column import MAX_PIXELS, ImageInput

GREY_MODES = ("1", "L", "LA")
MODES = (*GREY_MODES, "P", "RGB", "RGBA", "CMYK")
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)  # of EXIF: those that exchange height and width
DAMAGES = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


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


def upright(image: Image.Image) -> Image.Image:
    """Return an image turned as its EXIF says; one whose EXIF is damaged as it is."""
    turns = _TURNS.get(_orientation(image))
    return image if turns is None else image.transpose(turns)


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _orientation(image: Image.Image) -> int:
    """Return how an image's EXIF says that it is turned, 1 for not at all."""
    exif = Image.Exif()
    try:
        exif.load(
            image.info.get("exif", b"")
        )  # image.getexif() would decode a whole PNG file to look behind its pixels
        found = exif.get(ORIENTATION, 1)
    except (*DAMAGES, ArithmeticError, LookupError, TypeError):
        return 1
    return found if isinstance(found, int) else 1


def _size(image: Image.Image) -> tuple[int, int]:
    """Return width and height of an image when it is upright."""
    return (image.height, image.width) if _orientation(image) in TURNED else image.size


def _open(data: bytes | None) -> Image.Image | str:
    """Return an image whose header has been read, or the reason why it has not."""
    if data is None:
        return "null"
    try:
        image = Image.open(BytesIO(data), formats=("PNG", "JPEG"))
    except UnidentifiedImageError:
        return "not a PNG or JPEG file"
    except (*DAMAGES, *BOMBS) as error:
        return _broken(error)
    if image.width * image.height > MAX_PIXELS:
        return f"image of {image.width} x {image.height} exceeds {MAX_PIXELS} pixels"
    return image if image.mode in MODES else f"image of mode {image.mode} where 8 bits per channel are needed"


def _broken(error: Exception) -> str:
    """Say in one line that an image is damaged."""
    return f"truncated or damaged image ({' '.join(str(error).split())})"
