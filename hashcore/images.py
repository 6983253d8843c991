"""Images from PNG and JPEG bytes. Whatever the bytes are, the answer is an image or the reason why there is none."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from hashcore.inputs import MAX_PIXELS, ImageInput

GREY_MODES = ("1", "L", "LA")
MODES = (*GREY_MODES, "P", "RGB", "RGBA")
DAMAGES = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def describe(data: bytes | None) -> ImageInput | str:
    """Return size and channels of a PNG or JPEG file, or the reason why it cannot be read."""
    image = _open(data)
    if isinstance(image, str):
        return image
    return ImageInput(height=image.height, width=image.width, channels=1 if image.mode in GREY_MODES else 3)


def decode(data: bytes | None, spec: ImageInput) -> NDArray[np.uint8] | str:
    """Return the pixels of a PNG or JPEG file, uint8 of shape `spec.shape`, or the reason why it cannot be read.

    Nothing is decoded before the header has told the right size. An alpha channel is dropped.
    """
    image = _open(data)
    if isinstance(image, str):
        return image
    if image.size != (spec.width, spec.height):
        return f"image of {image.width} x {image.height} where {spec.width} x {spec.height} is needed"
    try:
        pixels = np.asarray(image.convert("L" if spec.channels == 1 else "RGB"))
    except DAMAGES as error:
        return _broken(error)
    return pixels.reshape(spec.height, spec.width, spec.channels).transpose(2, 0, 1)


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
