"""Files that lie, are cut short or are no images: each is one bad row with one reason, and none fills the memory."""

from __future__ import annotations

import resource
import struct
import zlib

import numpy as np
import pyarrow as pa
import pytest
from photographs import KINDS, encoded, in_mode, scene, turned
from PIL import Image

from hashcore.inputs import image_files
from hashcore.inputs.column import infer, read_column
from hashcore.inputs.image_decoding import decode, described
from hashcore.inputs.image_files import MAX_PIXELS, NAMES
from hashcore.inputs.image_resizing import Resize
from hashcore.inputs.images import ImageInput

RESIZED = ImageInput(height=16, width=16, channels=3, resize=Resize())
GREY = ImageInput(height=40, width=30)
SAMPLES = {
    f"{file_format} {mode}": encoded(in_mode(scene(np.random.default_rng(3), 0, 3, (30, 40)), mode), file_format)
    for file_format, mode, _ in KINDS
}
SAMPLES["JPEG turned"] = turned(scene(np.random.default_rng(3), 0, 3, (30, 40)), 6)
SAMPLES["TIFF packed"] = encoded(scene(np.random.default_rng(3), 0, 3, (30, 40)), "TIFF", compression="tiff_lzw")
SIDE = 20_000  # of what promises more than MAX_PIXELS


def tells(content, spec):
    """Return pixels or a reason, after a look at their forms."""
    found = decode(content, spec.shape, spec.resize)
    if isinstance(found, str):
        assert found and "\n" not in found and len(found) < 400
    else:
        assert (found.shape, found.dtype) == (spec.shape, np.uint8)
    told = described(content)
    assert isinstance(told, tuple) or (told and "\n" not in told)
    return found


@pytest.mark.parametrize("content", [b"", b"\0", b"hello", b"<svg/>", b"%PDF-1.4", b"GIF89a", b"\xff\xd8", b"RIFF"])
def test_what_is_no_image_is_told_so(content):
    read = read_column(pa.array([content], pa.binary()), RESIZED)
    (reason,) = [reason for _, reason in read.rejected]
    assert reason == f"not a {NAMES} file" or reason.startswith("truncated or damaged image (")


@pytest.mark.parametrize("file_format", ["PPM", "ICO", "TGA", "PCX", "SGI", "DDS", "ICNS"])
def test_formats_beyond_the_known_ones_are_not_tried(file_format):
    content = encoded(Image.new("RGB", (32, 32)), file_format)
    assert read_column(pa.array([content]), RESIZED).rejected == [(0, f"not a {NAMES} file")]


def png_bomb():
    """A PNG file of a few KB that promises, and holds, 400 million pixels of one bit."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    row = b"\0" * (1 + SIDE // 8)
    pixels = zlib.compress(row * SIDE, 9)
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def bombs():
    """Files of every format that promise more pixels than are decoded."""
    small = {each: encoded(Image.new("L", (8, 8)), each) for each in ("JPEG", "GIF", "BMP", "TIFF")}
    at = small["JPEG"].index(b"\xff\xc0") + 5
    jpeg = small["JPEG"][:at] + struct.pack(">HH", SIDE, SIDE) + small["JPEG"][at + 4 :]
    gif = small["GIF"][:6] + struct.pack("<HH", SIDE, SIDE) + small["GIF"][10:]
    bmp = small["BMP"][:18] + struct.pack("<ii", SIDE, SIDE) + small["BMP"][26:]
    tiff = bytearray(small["TIFF"])
    start = struct.unpack_from("<I", tiff, 4)[0]
    for entry in range(struct.unpack_from("<H", tiff, start)[0]):
        place = start + 2 + 12 * entry
        if struct.unpack_from("<H", tiff, place)[0] in (256, 257):
            struct.pack_into("<HII", tiff, place + 2, 4, 1, SIDE)
    webp = encoded(Image.new("RGBA", (8, 8)), "WEBP", save_all=True, append_images=[Image.new("RGBA", (8, 8), "red")])
    side = struct.pack("<I", 16_383)[:3]
    webp = webp[:24] + side + side + webp[30:]
    return {"PNG": png_bomb(), "JPEG": jpeg, "GIF": gif, "BMP": bmp, "TIFF": bytes(tiff), "WEBP": webp}


@pytest.mark.filterwarnings("default::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_a_bomb_is_refused_before_it_is_decoded(file_format):
    content = bombs()[file_format]
    assert len(content) < 100_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reason = tells(content, RESIZED)
    assert reason.startswith("image ") and reason.endswith(f" exceeds {MAX_PIXELS} pixels")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KB


@pytest.mark.filterwarnings("default::PIL.Image.DecompressionBombWarning")
def test_an_image_beyond_the_limit_is_told_by_its_size():
    content = bytearray(encoded(Image.new("L", (8, 8)), "GIF"))
    content[6:10] = struct.pack("<HH", 9000, 8000)
    assert decode(bytes(content), (3, 16, 16), Resize()) == f"image of 9000 x 8000 exceeds {MAX_PIXELS} pixels"


def test_files_of_too_many_bytes_are_not_opened(monkeypatch):
    monkeypatch.setattr(image_files, "MAX_BYTES", 100)
    content = encoded(Image.new("L", (300, 300)), "BMP")
    assert decode(content, (3, 16, 16), Resize()) == f"file of {len(content)} bytes exceeds 100 bytes"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_cut_short_is_a_bad_row_or_an_image(name):
    whole = SAMPLES[name]
    assert not isinstance(tells(whole, RESIZED), str)
    for tenth in range(10):
        cut = whole[: tenth * len(whole) // 10]
        for spec in (RESIZED, GREY):
            assert isinstance(tells(cut, spec), str)


def striped(strips, planes=1):
    """A TIFF file of 32 x 24 pixels, all white, that has some of its strips of 8 rows; of RGB in planes if asked."""
    entries = {256: 32, 257: 24, 258: 8, 259: 1, 262: 2 if planes > 1 else 1, 277: planes, 278: 8}
    entries |= {284: 2} if planes > 1 else {}
    start = 8 + 2 + 12 * (len(entries) + 2) + 4
    places = [start + 8 * strips + 256 * strip for strip in range(strips)]
    lists = {273: start if strips > 1 else places[0], 279: start + 4 * strips if strips > 1 else 256}
    directory = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items()]
    directory += [struct.pack("<HHII", tag, 4, strips, value) for tag, value in lists.items()]
    header = struct.pack("<2sHIH", b"II", 42, 8, len(directory)) + b"".join(sorted(directory)) + bytes(4)
    return header + struct.pack(f"<{2 * strips}I", *places, *[256] * strips) + b"\xff" * 256 * strips


@pytest.mark.parametrize("planes", [1, 3])
def test_a_tiff_file_without_all_of_its_strips_is_a_bad_row(planes):
    assert (decode(striped(3 * planes, planes), (1, 24, 32), None) == 255).all()
    for strips in range(1, 3 * planes):
        missing = 768 - 256 * strips // planes
        assert decode(striped(strips, planes), (1, 24, 32), None) == (
            f"truncated or damaged image ({missing} of 768 pixels are missing)"
        )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SAMPLES)
def test_damaged_files_give_a_reason_or_an_image_but_never_an_error(name):
    dice = np.random.default_rng(len(SAMPLES[name]))
    for number in range(60):
        content = bytearray(SAMPLES[name])
        reach = len(content) if number % 2 else min(len(content), 160)  # headers decide most
        for place in dice.integers(0, reach, dice.integers(1, 6)):
            content[place] = dice.integers(256)
        tells(bytes(content), RESIZED if number % 3 else GREY)


def test_broken_rows_are_passed_over_when_images_are_described():
    good = SAMPLES["PNG RGB"]
    column = pa.array([None, b"", b"no image", good[:40], good])
    assert infer(column, resize="auto") == ImageInput(height=40, width=30, channels=3)
