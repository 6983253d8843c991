"""Images with their classes, as the standard sets are read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Images(NamedTuple):
    """Images of one size.

    Attributes:
        ids: int64, shape (n,).
        pixels: uint8, shape (n, height, width), or (n, height, width, 3) of red, green and blue.
        classes: int32, shape (n,).
    """

    ids: NDArray[np.int64]
    pixels: NDArray[np.uint8]
    classes: NDArray[np.int32]

    def take(self, rows: NDArray[np.int64]) -> Images:
        """Return some of the rows."""
        return Images(self.ids[rows], self.pixels[rows], self.classes[rows])

    def channels_first(self) -> NDArray[np.uint8]:
        """Return the pixels as (n, height, width), or (n, 3, height, width)."""
        return self.pixels if self.pixels.ndim == 3 else self.pixels.transpose(0, 3, 1, 2)
