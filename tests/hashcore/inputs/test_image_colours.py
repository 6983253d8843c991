"""Images of every mode and format become the same pixels: known ones, however a file holds them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from photographs import encoded, in_mode, turned
from PIL import Image

from hashcore.inputs.column import infer, read_column
from hashcore.inputs.images import ImageInput

HEIGHT, WIDTH = 6, 9
RAMP = np.linspace(0, 255, HEIGHT * WIDTH).round().astype(np.uint8).reshape(HEIGHT, WIDTH)
COLOURS = np.stack([RAMP, RAMP[::-1], np.full_like(RAMP, 40)], axis=-1)
BLACK_AND_WHITE = np.where(RAMP > 100, 255, 0).astype(np.uint8)
ALPHA = np.where(np.arange(WIDTH) % 3 == 0, 0, np.where(np.arange(WIDTH) % 3 == 1, 100, 255))[None, :] * np.ones(
    (HEIGHT, 1), int
)


def on_white(values, alpha):
    """Return colours laid on white, in exact arithmetic, rounded."""
    exact = values.astype(int) * alpha + 255 * (255 - alpha)
    return ((2 * exact + 255) // 510).astype(np.uint8)


def luma(pixels):
    red, green, blue = np.moveaxis(pixels.astype(np.uint32), -1, 0)
    return ((19595 * red + 38470 * green + 7471 * blue + (1 << 15)) >> 16).astype(np.uint8)


def image_of(mode):
    """Return an image of a mode, and the colours that it shows, of shape (height, width, 3)."""
    grey, shown = Image.fromarray(RAMP), np.stack([RAMP] * 3, axis=-1)
    if mode == "1":
        return Image.fromarray(BLACK_AND_WHITE).convert("1"), np.stack([BLACK_AND_WHITE] * 3, axis=-1)
    if mode == "L":
        return grey, shown
    if mode == "LA":
        grey.putalpha(Image.fromarray(ALPHA.astype(np.uint8)))
        return grey, on_white(shown, ALPHA[..., None])
    if mode == "I;16":
        return in_mode(Image.fromarray(COLOURS), mode), np.stack([luma(COLOURS)] * 3, axis=-1)
    if mode == "RGB":
        return Image.fromarray(COLOURS), COLOURS
    if mode == "RGBA":
        return Image.fromarray(np.dstack([COLOURS, ALPHA.astype(np.uint8)])), on_white(COLOURS, ALPHA[..., None])
    palette = Image.fromarray(np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH))
    palette.putpalette(COLOURS.reshape(-1).tolist())  # pixel i has colour i
    return palette, COLOURS


PLACES = [
    *[("PNG", mode) for mode in ("1", "L", "LA", "I;16", "RGB", "RGBA", "P")],
    *[("TIFF", mode) for mode in ("1", "L", "LA", "I;16", "RGB", "RGBA", "P")],
    *[("BMP", mode) for mode in ("1", "L", "RGB", "P")],
    *[("GIF", mode) for mode in ("1", "L", "P")],
    *[("WEBP", mode) for mode in ("L", "RGB", "RGBA")],
]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("file_format", "mode"), PLACES)
def test_an_image_shows_the_same_pixels_in_every_format_and_mode(file_format, mode, channels):
    image, colours = image_of(mode)
    lossless = {"lossless": True, "exact": True} if file_format == "WEBP" else {}
    column = pa.array([encoded(image, file_format, **lossless)])
    read = read_column(column, ImageInput(height=HEIGHT, width=WIDTH, channels=channels))
    assert read.rejected == []
    wanted = luma(colours)[None] if channels == 1 else colours.transpose(2, 0, 1)
    assert np.array_equal(read.values[0], wanted)


@pytest.mark.parametrize(("mode", "quality"), [("L", 3), ("RGB", 12), ("CMYK", 12)])
def test_jpeg_files_show_nearly_the_same_pixels(mode, quality):
    slope = np.linspace(0, 255, 64).astype(np.uint8)[None, :, None] * np.ones((48, 1, 3), np.uint8)
    content = encoded(Image.fromarray(slope).convert(mode), "JPEG", quality=95)
    read = read_column(pa.array([content]), ImageInput(height=48, width=64, channels=3))
    assert np.abs(read.values[0].transpose(1, 2, 0).astype(int) - slope).max() < quality


@pytest.mark.parametrize("clear", [7, bytes([255] * 7 + [0] + [255] * 10)])
def test_what_a_palette_leaves_transparent_shows_white(clear):
    image, colours = image_of("P")
    wanted = colours.copy()
    wanted[0, 7] = 255
    read = read_column(
        pa.array([encoded(image, "PNG", transparency=clear)]), ImageInput(height=HEIGHT, width=WIDTH, channels=3)
    )
    assert np.array_equal(read.values[0].transpose(1, 2, 0), wanted)


def test_one_colour_that_counts_as_transparent_shows_white():
    grey, deep = Image.fromarray(RAMP), Image.fromarray(RAMP.astype(np.uint16) * 257)
    files = [encoded(grey, "PNG", transparency=int(RAMP[2, 3])), encoded(grey, "GIF", transparency=int(RAMP[2, 3]))]
    wanted = np.where(RAMP[2, 3] == RAMP, 255, RAMP)
    read = read_column(pa.array([*files, encoded(deep, "PNG")]), ImageInput(height=HEIGHT, width=WIDTH))
    assert np.array_equal(read.values[:2, 0], np.stack([wanted] * 2))
    assert np.array_equal(read.values[2, 0], RAMP)


@pytest.mark.parametrize("value", [0, 1, 128, 129, 256, 385, 386, 32767, 65535 - 129, 65535 - 128, 65535])
def test_grey_of_16_bits_is_rounded(value):
    content = encoded(Image.fromarray(np.full((2, 2), value, np.uint16)), "PNG")
    read = read_column(pa.array([content]), ImageInput(height=2, width=2))
    assert read.values[0].tolist() == [[[round(value / 257)] * 2] * 2]


def test_of_several_frames_the_first_is_read():
    frames = [Image.fromarray(np.full((5, 4), value, np.uint8)) for value in (10, 200, 90)]
    files = [encoded(frames[0], each, save_all=True, append_images=frames[1:]) for each in ("GIF", "TIFF", "PNG")]
    content = encoded(frames[0].convert("RGB"), "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    read = read_column(pa.array([*files, content]), ImageInput(height=5, width=4))
    assert (read.rejected, read.values.min(), read.values.max()) == ([], 10, 10)


# what a viewer does with the pixels, by EXIF 2.32 §4.6.4: row 0 and column 0 are told by where they are seen
UPRIGHT = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.T,
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].T,
    8: np.rot90,
}


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_an_image_is_turned_as_its_file_says(orientation, file_format):
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"lossless": True} if file_format == "WEBP" else {}
    image = Image.fromarray(RAMP).convert("RGB" if file_format == "WEBP" else "L")
    content = encoded(image, file_format, exif=exif, **lossless)
    wanted = UPRIGHT[orientation](RAMP)
    spec = infer(pa.array([content]), channels=1)
    assert spec == ImageInput(height=wanted.shape[0], width=wanted.shape[1])
    assert np.array_equal(read_column(pa.array([content]), spec).values[0, 0], wanted)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_photograph_is_seen_upright_however_the_camera_was_held(orientation):
    slope = np.linspace(0, 255, 48)[:, None] * np.ones((1, 32))
    content = turned(Image.fromarray(slope.astype(np.uint8)), orientation)
    read = read_column(pa.array([content]), ImageInput(height=48, width=32))
    assert np.abs(read.values[0, 0].astype(int) - slope).max() < 4
