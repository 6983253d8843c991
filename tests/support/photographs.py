"""Folders of images as people have them: of every size, colour and format, in a folder for each class, some broken."""

from __future__ import annotations

import colorsys
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

SIZES = [(20, 30), (64, 64), (100, 75), (75, 100), (160, 120), (240, 320), (600, 400)]  # width, height
SHARES = [0.2, 0.2, 0.2, 0.15, 0.15, 0.06, 0.04]
KINDS = [  # format, mode, and the ending of the file's name
    ("JPEG", "RGB", "jpg"),
    ("JPEG", "RGB", "jpeg"),
    ("JPEG", "L", "JPG"),
    ("JPEG", "CMYK", "jpg"),
    ("PNG", "RGB", "png"),
    ("PNG", "RGBA", "png"),
    ("PNG", "P", "png"),
    ("PNG", "I;16", "png"),
    ("PNG", "1", "png"),
    ("WEBP", "RGB", "webp"),
    ("GIF", "P", "gif"),
    ("TIFF", "RGB", "tiff"),
    ("BMP", "RGB", "bmp"),
]
BROKEN = ("truncated", "no image", "empty")
ORIENTATION = 0x0112  # of EXIF
STORED = {3: 3, 6: 8, 8: 6}  # how an upright image is turned before it is stored, by the orientation that is told
TURNS = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}


class Written(NamedTuple):
    """A file that was written: its path below the folder, its class's name, and whether it can be read."""

    path: str
    label: str
    good: bool


def write_folder(
    path: Any, count: int, classes: int, broken: float = 0.0, seed: int = 0, labels: list[str] | None = None
) -> list[Written]:
    """Write images, each in the folder of its class, and return them in the order of their numbers.

    Args:
        path: Folder, made if need be.
        count: Images of all classes together; they take turns.
        classes: Number of classes, each of its own colours and shapes, so that they can be learned.
        broken: Share of files that are cut short, no image, or empty.
        seed: Of everything.
        labels: Names of the classes; `class-00`, … otherwise.
    """
    dice, written = np.random.default_rng(seed), []
    bad = set(dice.permutation(count)[: round(broken * count)].tolist())
    for number in range(count):
        kind = number % classes
        label = labels[kind] if labels else f"class-{kind:02}"
        content, ending = photograph(dice, kind, classes)
        if number in bad:
            content = _broken(content, BROKEN[len([each for each in bad if each < number]) % len(BROKEN)])
        place = Path(path) / label / f"{number:05}.{ending}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        written.append(Written(f"{label}/{place.name}", label, number not in bad))
    return written


def photograph(dice: np.random.Generator, kind: int, classes: int) -> tuple[bytes, str]:
    """Return an image of a class as a file's bytes, and the ending of its name."""
    size = SIZES[dice.choice(len(SIZES), p=SHARES)]
    file_format, mode, ending = KINDS[dice.integers(len(KINDS))]
    image = scene(dice, kind, classes, size)
    if file_format == "JPEG":
        orientation = int(dice.choice([1, 1, 3, 6, 8]))
        return turned(image.convert(mode), orientation), ending
    return encoded(in_mode(image, mode), file_format), ending


def scene(dice: np.random.Generator, kind: int, classes: int, size: tuple[int, int]) -> Image.Image:
    """Return an upright RGB image: shapes of the class's colour on a smooth ground of another, with a grain."""
    width, height = size
    hue = kind / classes
    ground, colour = _colour(hue + 0.5 + dice.normal(0, 0.02), 0.4), _colour(hue + dice.normal(0, 0.02), 0.9)
    slope = np.linspace(0.6, 1.0, height)[:, None, None] * np.linspace(0.8, 1.0, width)[None, :, None]
    pixels = ground * slope + dice.normal(0, 6, (height, width, 1))
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    draw, short = ImageDraw.Draw(image), min(size)
    for _ in range(3):
        radius = short * dice.uniform(0.15, 0.3)
        x, y = dice.uniform(radius, width - radius), dice.uniform(radius, height - radius)
        _draw(draw, kind, (x - radius, y - radius, x + radius, y + radius), tuple(int(each) for each in colour))
    return image


def _draw(
    draw: ImageDraw.ImageDraw, kind: int, box: tuple[float, float, float, float], colour: tuple[int, ...]
) -> None:
    """Draw the shape of a class."""
    if kind % 3 == 0:
        draw.ellipse(box, fill=colour)
    elif kind % 3 == 1:
        draw.rectangle(box, fill=colour)
    else:
        draw.polygon([(box[0], box[3]), (box[2], box[3]), ((box[0] + box[2]) / 2, box[1])], fill=colour)


def _colour(hue: float, value: float) -> np.ndarray:
    """Return a colour as red, green and blue of 0 to 255."""
    return np.array(colorsys.hsv_to_rgb(hue % 1.0, 0.8, value)) * 255


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Return an RGB image in another of Pillow's modes; 16-bit grey takes the whole range."""
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    return image.quantize(64) if mode == "P" else image.convert(mode)


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """Return an image as a file's bytes."""
    buffer = BytesIO()
    image.save(buffer, format=file_format, **options)
    return buffer.getvalue()


def turned(image: Image.Image, orientation: int, file_format: str = "JPEG") -> bytes:
    """Return an upright image as a camera stores it, turned, with an EXIF that says how to turn it back."""
    if orientation in STORED:
        image = image.transpose(TURNS[STORED[orientation]])
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encoded(image, file_format, exif=exif)


def _broken(content: bytes, how: str) -> bytes:
    """Return a file's bytes, broken."""
    return {"truncated": content[: len(content) // 2], "no image": b"this is no image\n" * 20, "empty": b""}[how]
