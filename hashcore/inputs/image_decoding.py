"""One image, from the bytes of its file to pixels of the size and colours that a hasher reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from hashcore.inputs.image_colours import channels_of, in_channels
from hashcore.inputs.image_files import broken, exchanged, opened, orientation, upright
from hashcore.inputs.image_resizing import Resize, Size, reduced, refusal, resized, scaled_size

if TYPE_CHECKING:
    from PIL.Image import Image

Shape = tuple[int, ...]


def described(data: bytes | None) -> tuple[Literal[1, 3], int, int] | str:
    """Return channels, height and width of a file's image, or the reason why it cannot be read."""
    image = opened(data)
    if isinstance(image, str):
        return image
    width, height = exchanged(image.size, orientation(image))
    return channels_of(image), height, width


def decode(data: bytes | None, shape: Shape, resize: Resize | None) -> NDArray[np.uint8] | str:
    """Return the pixels of a file's image, uint8 of a shape, or the reason why it cannot be read.

    Nothing is decoded before the header has told a size that fits. An image is turned as its EXIF says, as every viewer
    shows it, its colours are made those that are wanted (`image_colours`), then it is resized (`image_resizing`). A
    JPEG file of four times the size and more is decoded smaller, at least at twice the size.

    Args:
        data: Bytes of a file.
        shape: Channels, 1 for grey or 3 for red, green and blue; height; width.
        resize: How an image of another size becomes of this one; None refuses it.
    """
    image = opened(data)
    if isinstance(image, str):
        return image
    channels, height, width = shape
    try:
        found = _decoded(image, 1 if channels == 1 else 3, (width, height), resize)
    except Exception as error:  # Pillow promises none for files that lie about themselves
        return broken(error)
    return found if isinstance(found, str) else np.asarray(found).reshape(height, width, channels).transpose(2, 0, 1)


def _decoded(image: Image, channels: Literal[1, 3], size: Size, resize: Resize | None) -> Image | str:
    """Return an image in some colours and of a size, or the reason why it has none."""
    turned = orientation(image)
    if image.format == "TIFF":
        image.load()  # turns it, and before it did older versions of Pillow tell the size of the file's rows
    before = exchanged(image.size, turned)
    if resize is None:
        if before != size:
            return _other_size(before, size)
    else:
        if why := refusal(before, size, resize.mode):
            return why
        reduced(image, exchanged(scaled_size(before, size, resize.mode), turned))
    shown = upright(in_channels(image, channels), turned)
    if resize is not None:
        return resized(shown, size, resize, before)
    return shown if shown.size == size else _other_size(shown.size, size)


def _other_size(found: tuple[int, int], wanted: tuple[int, int]) -> str:
    """Say that an image has another size than is needed."""
    return f"image of {found[0]} x {found[1]} where {wanted[0]} x {wanted[1]} is needed"
