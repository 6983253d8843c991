"""Images of every size brought to one: the same for training and for encoding, as the hasher says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from hashcore.inputs.image_files import MAX_PIXELS, pillow_image
from hashcore.spec import Spec

if TYPE_CHECKING:
    from PIL.Image import Image

Size = tuple[int, int]
"""Width and height."""
Mode = Literal["crop", "stretch", "pad"]
Interpolation = Literal["bilinear", "bicubic", "nearest", "lanczos", "box"]

PADDING = 255  # white, as what is transparent
REDUCED = 2  # times the size that a JPEG file is decoded to at least before it is scaled


class Resize(Spec):
    """How images become of one size (h, w), written H x W before.

    `crop` scales to cover it and cuts out the centre: an image with W h ≥ H w to h x ⌊h W / H⌋, any other to
    ⌊w H / W⌋ x w, from row round((rows − h) / 2) and column round((columns − w) / 2) on, a half rounded to even. Of a
    square that is torchvision's Resize(h), CenterCrop(h) on the same PIL image. `stretch` scales height and width each
    by its own factor. `pad` scales to fit in, to h x ⌊h W / H⌋ if W h ≤ H w and else to ⌊w H / W⌋ x w, at least one
    pixel, and lays it in the middle of white, from row ⌊(h − rows) / 2⌋ and column ⌊(w − columns) / 2⌋ on.
    """

    mode: Mode = "crop"
    """Cut off what is too long, change the proportions, or add white."""
    interpolation: Interpolation = "bilinear"
    """Filter of Pillow, whose support grows as an image shrinks, save for `nearest`."""


def resized(image: Image, size: Size, how: Resize, before: Size) -> Image:
    """Return an image of a size.

    Args:
        image: Mode L or RGB; perhaps decoded smaller than it is.
        size: Width and height wanted.
        how: To scale, and what to do with other proportions.
        before: Width and height of the image as its file has it.
    """
    width, height = size
    pillow = pillow_image()
    scaled: Image = image.resize(scaled_size(before, size, how.mode), pillow.Resampling[how.interpolation.upper()])
    if how.mode == "crop":
        left, top = round((scaled.width - width) / 2), round((scaled.height - height) / 2)
        return scaled.crop((left, top, left + width, top + height))
    if scaled.size == size:
        return scaled
    ground: Image = pillow.new(image.mode, size, (PADDING,) * len(image.getbands()))
    ground.paste(scaled, ((width - scaled.width) // 2, (height - scaled.height) // 2))
    return ground


def scaled_size(before: Size, size: Size, mode: Mode) -> Size:
    """Return width and height that an image is scaled to before it is cut, or padded, to a size.

    >>> scaled_size((640, 480), (64, 64), "crop"), scaled_size((640, 480), (64, 64), "pad")
    ((85, 64), (64, 48))
    """
    (wide, high), (width, height) = before, size
    if mode == "stretch":
        return size
    is_wider = wide * height >= high * width
    if is_wider == (mode == "crop"):
        return max(height * wide // high, 1), height
    return width, max(width * high // wide, 1)


def refusal(before: Size, size: Size, mode: Mode) -> str | None:
    """Return why an image cannot be brought to a size: it is so narrow that it would fill the memory; or None."""
    scaled = scaled_size(before, size, mode)
    if scaled[0] * scaled[1] <= MAX_PIXELS:
        return None
    (wide, high), (width, height) = before, scaled
    return f"image of {wide} x {high} is too narrow: scaled to {width} x {height} it exceeds {MAX_PIXELS} pixels"


def reduced(image: Image, scaled: Size) -> None:
    """Let a JPEG file be decoded at a half, a quarter or an eighth, but at twice what it is scaled to at least.

    Args:
        image: Not decoded yet; any but a JPEG file is left as it is.
        scaled: Width and height that it is scaled to, turned as the file is.
    """
    image.draft(image.mode, (REDUCED * scaled[0], REDUCED * scaled[1]))
