"""Files of images, opened: format, bytes and pixels are looked at before anything is decoded.

Whatever the bytes are, the answer is an image or the reason against it. Pillow is imported only where images are read.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from types import ModuleType
from typing import TYPE_CHECKING, cast

from hashcore.errors import one_line

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.TiffImagePlugin import TiffImageFile

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")
NAMES = "PNG, JPEG, WebP, GIF, TIFF or BMP"
MAX_PIXELS = 1 << 26
MAX_BYTES = 1 << 28
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
MODES = (*GREY_MODES, "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
ORIENTATION = 0x0112  # of EXIF
PLANES = 284  # of TIFF: 2 where each channel lies by itself
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


def opened(data: bytes | None) -> Image | str:
    """Return an image whose header has been read, or the reason why it has not; of several frames it is the first."""
    if data is None:
        return "null"
    if len(data) > MAX_BYTES:
        return f"file of {len(data)} bytes exceeds {MAX_BYTES} bytes"
    pillow = pillow_image()
    try:
        image: Image = pillow.open(BytesIO(data), formats=FORMATS)
    except pillow.UnidentifiedImageError:
        return f"not a {NAMES} file"
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning):  # before there is a size to tell
        return f"image exceeds {MAX_PIXELS} pixels"
    except Exception as error:  # Pillow promises none for files that lie about themselves
        return broken(error)
    return _refusal(image) or image


def _refusal(image: Image) -> str | None:
    """Return why an image that is not decoded yet shall not be, or None."""
    if image.width * image.height > MAX_PIXELS:
        return f"image of {image.width} x {image.height} exceeds {MAX_PIXELS} pixels"
    if missing := _missing_pixels(image):
        return f"truncated or damaged image ({missing} of {image.width * image.height} pixels are missing)"
    if image.mode in MODES and (image.mode != "I" or image.format == "PNG"):  # as Pillow 10 calls 16 bits
        return None
    return f"image of mode {image.mode} where 8 bits per channel, or 16 of grey, are needed"


def _missing_pixels(image: Image) -> int:
    """Return the pixels that no strip or tile of a TIFF file covers: Pillow would leave them black, and say nothing."""
    if image.format != "TIFF":
        return 0
    tiff = cast("TiffImageFile", image)
    boxes = [tile[1] or (0, 0, *image.size) for tile in tiff.tile]
    covered = sum((right - left) * (low - top) for left, top, right, low in boxes)
    is_in_planes = tiff.tile[:1] and tiff.tile[0][0] == "raw" and tiff.tag_v2.get(PLANES, 1) == 2
    return max(image.width * image.height - covered // (len(image.getbands()) if is_in_planes else 1), 0)


def broken(error: Exception) -> str:
    """Say in one line that an image is damaged."""
    return f"truncated or damaged image ({one_line(error, None)})"


def orientation(image: Image) -> int:
    """Return how an image that is not decoded yet is turned, by its EXIF: 1 upright, 2 to 8; 1 where EXIF is damaged.

    A TIFF file says 1: Pillow itself turns it while decoding.
    """
    if image.format == "TIFF" or not image.info.get("exif"):
        return 1
    exif = pillow_image().Exif()
    try:  # image.getexif() would decode a whole PNG file to look behind its pixels
        exif.load(image.info["exif"])
        found = exif.get(ORIENTATION, 1)
    except Exception:
        return 1
    return found if found in TURNS else 1


def upright(image: Image, turned: int) -> Image:
    """Return an image of an orientation as it is to be seen."""
    turn = TURNS.get(turned)
    return image if turn is None else image.transpose(pillow_image().Transpose[turn])


def exchanged(size: tuple[int, int], turned: int) -> tuple[int, int]:
    """Return width and height of an image when it is upright from those in the file, or the other way round."""
    return (size[1], size[0]) if turned in TURNED else size


@cache
def pillow_image() -> ModuleType:
    """Return PIL.Image: an import statement would take some microseconds of each image."""
    from PIL import Image, TiffImagePlugin, WebPImagePlugin  # noqa: F401  else Pillow would load all of its formats

    return Image
