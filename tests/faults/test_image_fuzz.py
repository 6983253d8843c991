"""Ten thousand damaged files of every format of images: each is an image or a bad row, and none fills the memory."""

from __future__ import annotations

import resource
from itertools import cycle

import numpy as np
import pytest
from photographs import KINDS, encoded, in_mode, scene, turned
from PIL import Image

from hashcore.inputs.image_decoding import decode, described
from hashcore.inputs.image_resizing import Resize
from hashcore.inputs.images import ImageInput

RUNS = 10_000
MEMORY_KB = 1 << 20
HEADER = 160  # bytes, which decide most
SPECS = [
    ImageInput(height=40, width=30),
    ImageInput(height=16, width=16, channels=3, resize=Resize()),
    ImageInput(height=9, width=21, channels=1, resize=Resize(mode="pad", interpolation="lanczos")),
]


def samples():
    """Return a small file of every format, mode and compression that is read, some turned, some of several frames."""
    image = scene(np.random.default_rng(3), 0, 3, (30, 40))
    frames = [image.rotate(90, expand=False), image.convert("L").convert("RGB")]
    found = [encoded(in_mode(image, mode), file_format) for file_format, mode, _ in KINDS]
    found += [turned(image, 6, file_format) for file_format in ("JPEG", "PNG", "WEBP", "TIFF")]
    found += [encoded(image, file_format, save_all=True, append_images=frames) for file_format in ("GIF", "WEBP")]
    found += [encoded(image, "TIFF", compression=how) for how in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")]
    found += [encoded(image.convert("1"), "TIFF", compression="group4"), encoded(image, "JPEG", progressive=True)]
    return found


def damaged(content, dice):
    """Return a file with a few bytes changed, left out, put in or cut off."""
    for _ in range(dice.integers(1, 6)):
        first, last = sorted(dice.integers(0, len(content) + 1, 2).tolist())
        kind = dice.integers(8)
        if kind < 4:
            place = int(dice.integers(min(len(content), HEADER) if kind % 2 else len(content)))
            content = content[:place] + bytes([dice.integers(256)]) + content[place + 1 :]
        elif kind < 6:
            content = content[:first] + dice.bytes(dice.integers(1, 9)) + content[first:]
        elif last > first and last - first < len(content):
            content = content[:first] + content[last:] if kind == 6 else content[:last]
    return content


@pytest.mark.faults
@pytest.mark.filterwarnings("ignore")
def test_damaged_images_are_images_or_bad_rows_and_none_fills_the_memory():
    dice, kinds = np.random.default_rng(0), set()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number, whole in zip(range(RUNS), cycle(samples()), strict=False):
        content, spec = damaged(whole, dice), SPECS[dice.integers(len(SPECS))]
        found, told = decode(content, spec.shape, spec.resize), described(content)
        kinds.add(found.partition("(")[0].rstrip("0123456789") if isinstance(found, str) else "image")
        if isinstance(found, str):
            assert found and "\n" not in found and len(found) < 400, number
        else:
            assert (found.shape, found.dtype) == (spec.shape, np.uint8), number
            assert isinstance(told, tuple), (number, told)
            assert np.array_equal(found, decode(content, spec.shape, spec.resize)), number
    assert {"image", "truncated or damaged image "} < kinds
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KB


@pytest.mark.faults
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"])
def test_a_file_cut_anywhere_is_a_bad_row_or_lacks_nothing_that_is_shown(file_format):
    image = Image.fromarray(np.random.default_rng(0).integers(1, 255, (24, 32, 3), np.uint8))
    whole = encoded(image, file_format)
    spec = ImageInput(height=24, width=32, channels=3)
    wanted = decode(whole, spec.shape, None)
    for length in range(len(whole)):
        found = decode(whole[:length], spec.shape, None)
        assert isinstance(found, str) or np.array_equal(found, wanted), length
