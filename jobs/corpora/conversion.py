"""Conversion of images to columns of Parquet: PNG files, pixels as floats, or features."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import require
from jobs.config.sections.corpus import Content
from jobs.corpora.images import Images

if TYPE_CHECKING:
    import pyarrow as pa


def column(images: Images, content: Content) -> tuple[str, pa.Array]:
    """Return the name of a content's column, and the column."""
    if content == "images":
        return "image", _png(images.pixels)
    return content, _floats(FEATURES[content](images))


def _pixels(images: Images) -> NDArray[np.float32]:
    """Return pixels as floats of 0 to 1, by channel, row and column."""
    return (images.channels_first().reshape(len(images.ids), -1) / np.float32(255)).astype(np.float32)


def _gist(images: Images, scales: int) -> NDArray[np.float32]:
    """Return GIST features."""
    from hashcore.features.gist import gist

    return gist(images.channels_first(), scales=scales)


def _hog(images: Images) -> NDArray[np.float32]:
    """Return HOG features."""
    from hashcore.features.hog import hog

    return hog(images.channels_first())


FEATURES: dict[str, Callable[[Images], NDArray[np.float32]]] = {
    "features": _pixels,
    "gist": lambda images: _gist(images, scales=3),
    "gist512": lambda images: _gist(images, scales=4),
    "hog": _hog,
}


def _png(pixels: NDArray[np.uint8]) -> pa.Array:
    """Return a binary column of PNG files."""
    require("PIL", "train")
    import pyarrow as pa
    from PIL import Image

    def encode(image: NDArray[np.uint8]) -> bytes:
        buffer = BytesIO()
        Image.fromarray(image).save(buffer, format="PNG")
        return buffer.getvalue()

    return pa.array([encode(image) for image in pixels], pa.binary())


def _floats(rows: NDArray[np.float32]) -> pa.Array:
    """Return a column of lists of floats."""
    import pyarrow as pa

    offsets = pa.array(np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1])
    return pa.ListArray.from_arrays(offsets, pa.array(rows.reshape(-1)))
