"""HOG (Dalal, Triggs 2005) of small images, by scikit-image: 486 features of 32 × 32 pixels.

MM-NN names 486 features and no more. 6 orientations in cells of 6 × 6 pixels, normalised in the 3 × 3 blocks of 3 × 3
cells that 32 pixels hold, make 6 · 9 · 9 = 486; no other common arrangement does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import InvalidInputError, require


def hog(
    images: NDArray[Any], *, orientations: int = 6, pixels_per_cell: int = 6, cells_per_block: int = 3
) -> NDArray[np.float32]:
    """Return the histograms of oriented gradients of each image.

    Args:
        images: Shape (n, height, width), or (n, channels, height, width): then each pixel takes its steepest channel.
        orientations: Bins of a histogram, over half a turn.
        pixels_per_cell: Side of the square that one histogram counts.
        cells_per_block: Side of the square of cells that are normalised together.

    Returns:
        float32, shape (n, blocks · cells_per_block² · orientations).

    Raises:
        InvalidInputError: If these are no images, or have not one block.
        MissingExtraError: Without scikit-image.
    """
    require("skimage", "papers")
    from skimage.feature import hog as of_one

    if images.ndim not in (3, 4) or 0 in images.shape:
        raise InvalidInputError(f"images have shape {images.shape}; give (n, [channels,] height, width)")
    if min(images.shape[-2:]) < pixels_per_cell * cells_per_block:
        raise InvalidInputError(
            f"images of {images.shape[-2]} x {images.shape[-1]} pixels are smaller than a block of "
            f"{pixels_per_cell * cells_per_block}; give larger images or smaller cells"
        )
    settings = {
        "orientations": orientations,
        "pixels_per_cell": (pixels_per_cell, pixels_per_cell),
        "cells_per_block": (cells_per_block, cells_per_block),
        "channel_axis": 0 if images.ndim == 4 else None,
    }
    return np.array([of_one(image, **settings) for image in images], np.float32)
