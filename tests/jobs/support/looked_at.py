"""Corpora as people have them, to look at: each of 60 rows of three classes."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pictures import png

ROWS, WIDTH = 60, 40
KEYS = [f"https://a.org/{number}" for number in range(ROWS)]
CLASSES = np.arange(ROWS) % 3
VECTORS = (5 * np.eye(WIDTH)[CLASSES] + np.random.default_rng(0).standard_normal((ROWS, WIDTH))).astype(np.float32)
BITS = np.random.default_rng(1).integers(0, 2, (ROWS, 64)).astype(np.uint8)
PACKED = np.packbits(BITS, axis=1)
HEX = [row.tobytes().hex() for row in PACKED]
NAMES = [["cat", "dog", "eel"][number] for number in CLASSES]


def parquet(path, /, **columns):
    """Write a Parquet file of keys and some columns."""
    pq.write_table(pa.table({"url": KEYS, **columns}), path)
    return path


def lists(values, kind=None):
    """Return a matrix as a column of lists."""
    return pa.array(list(values), None if kind is None else pa.list_(kind))


def folder_of_images(path, side=32):
    """Write images into a folder for each class."""
    for number, name in enumerate(NAMES):
        (path / name).mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 60, (side, side, 3)).astype(np.uint8)
        pixels[..., CLASSES[number]] += 150
        (path / name / f"{number}.png").write_bytes(png(pixels))
    return path


def csv(path, /, **columns):
    """Write a CSV file of keys and some columns."""
    named = {"url": KEYS, **columns}
    rows = [",".join(map(str, row)) for row in zip(*named.values(), strict=True)]
    path.write_text("\n".join([",".join(named), *rows]) + "\n")
    return path


def json_lines(path, /, **columns):
    """Write JSON lines of keys and some columns."""
    named = {"url": KEYS, **columns}
    rows = (dict(zip(named, row, strict=True)) for row in zip(*named.values(), strict=True))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
