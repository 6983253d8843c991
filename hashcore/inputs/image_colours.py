"""Colours of decoded images: every mode becomes grey, or red, green and blue, of 8 bits a channel.

What is transparent shows white. Grey of 16 bits v becomes v / 257, rounded; colours for print (CMYK) become those of a
screen by plain arithmetic, grey is 0.299 R + 0.587 G + 0.114 B (ITU-R 601).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from hashcore.inputs.image_files import GREY_MODES, pillow_image

if TYPE_CHECKING:
    from PIL.Image import Image

WHITE = 255
DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N")
WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")


def channels_of(image: Image) -> Literal[1, 3]:
    """Return 1 where an image, decoded or not, has no colours by its mode, else 3; a palette counts as colours."""
    return 1 if image.mode in GREY_MODES else 3


def in_channels(image: Image, channels: Literal[1, 3]) -> Image:
    """Return an image as grey (mode L) for 1 channel, as mode RGB for 3; whatever is not decoded is, here."""
    mode = "L" if channels == 1 else "RGB"
    if image.mode in DEEP:
        return _of_16_bits(image).convert(mode)
    if image.mode in WITH_ALPHA or "transparency" in image.info:
        image = _on_white(image)
    image.load()
    return image if image.mode == mode else image.convert(mode)


def _of_16_bits(image: Image) -> Image:
    """Return grey of 16 bits as grey of 8."""
    values = np.asarray(image).astype(np.uint32)
    if isinstance(clear := image.info.get("transparency"), int):
        values[values == clear] = 257 * WHITE
    grey: Image = pillow_image().fromarray(((np.minimum(values, 65535) + 128) // 257).astype(np.uint8))
    return grey


def _on_white(image: Image) -> Image:
    """Return an image laid on white: (a c + (255 − a) 255) / 255 of colour c and opacity a, rounded; mode RGB."""
    clear = image.convert("RGBA")
    ground: Image = pillow_image().new("RGB", image.size, (WHITE, WHITE, WHITE))
    ground.paste(clear.convert("RGB"), mask=clear.getchannel("A"))
    return ground
