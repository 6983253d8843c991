"""GIST (Oliva, Torralba 2001): the energy of an image in Gabor filters of several scales and orientations, by blocks.

An image is brought to even contrast, mirrored over its edges, and filtered in the frequency domain; the magnitude of
each response is averaged over the blocks of a grid. 8 orientations × 3 scales × 4 × 4 blocks are the 384 features of
SparseHash and MM-NN, a fourth scale makes the 512 of KSH and DNNH. Constants are those of the authors' own LMgist.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import InvalidInputError

ROWS_AT_ONCE = 256
CONTRAST_CYCLES = 4  # of an image; slower changes of brightness are taken away
HIGHEST_FREQUENCY = 0.3  # cycles a pixel, of the finest scale
SCALE_STEP = 1.85  # ratio of the frequencies of neighboring scales

GreyImages = NDArray[np.float32]


def gist(images: NDArray[Any], *, orientations: int = 8, scales: int = 3, blocks: int = 4) -> NDArray[np.float32]:
    """Return the GIST of each image.

    Args:
        images: Shape (n, height, width), or (n, channels, height, width), whose channels are averaged; any range.
        orientations: Filters of one scale.
        scales: The finest first, each 1.85 times as coarse as the one before.
        blocks: Blocks of the grid in each direction.

    Returns:
        float32, shape (n, scales · orientations · blocks²): by scale, orientation, and block from left to right, then
        downwards.

    Raises:
        InvalidInputError: If these are no images of one size, or smaller than the grid.
    """
    grey = as_grey(images)
    side = max(grey.shape[1:])
    if min(grey.shape[1:]) < blocks:
        raise InvalidInputError(
            f"images of {grey.shape[1]} x {grey.shape[2]} pixels have no {blocks} x {blocks} blocks"
        )
    margin = side // 2
    filters = gabor_filters((grey.shape[1] + 2 * margin, grey.shape[2] + 2 * margin), orientations, scales)
    rows = np.empty((len(grey), len(filters) * blocks**2), np.float32)
    for start in range(0, len(grey), ROWS_AT_ONCE):
        even = even_contrast(grey[start : start + ROWS_AT_ONCE])
        rows[start : start + len(even)] = _energies(_mirrored(even, margin), filters, margin, blocks)
    return rows


def as_grey(images: NDArray[Any]) -> GreyImages:
    """Return images as float32 of shape (n, height, width), from 0 to 255 each."""
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise InvalidInputError(f"images have shape {images.shape}; give (n, [channels,] height, width)")
    grey = images.astype(np.float32)
    grey = grey.mean(axis=1) if images.ndim == 4 else grey
    lowest = grey.min(axis=(1, 2), keepdims=True)
    spans = grey.max(axis=(1, 2), keepdims=True) - lowest
    scaled: GreyImages = (grey - lowest) * (255 / np.where(spans > 0, spans, 1))
    return scaled


def even_contrast(grey: GreyImages) -> GreyImages:
    """Take slow changes of brightness away and divide by the contrast nearby, on a logarithmic scale; same shape."""
    margin = 5
    padded = _mirrored(np.log1p(grey), margin)
    height, width = (np.fft.fftfreq(size) * size for size in padded.shape[1:])
    squares = height[:, None] ** 2 + width**2
    blur = np.exp(-squares * np.log(2) / CONTRAST_CYCLES**2).astype(np.float32)
    details = padded - np.fft.ifft2(np.fft.fft2(padded) * blur).real
    contrast = np.sqrt(np.abs(np.fft.ifft2(np.fft.fft2(details**2) * blur)))
    even: GreyImages = _cropped(details / (0.2 + contrast), margin).astype(np.float32)
    return even


def gabor_filters(shape: tuple[int, int], orientations: int, scales: int) -> NDArray[np.float32]:
    """Return the transfer functions of all filters, float32 of shape (scales · orientations, height, width).

    Each is a bump around one frequency and one direction, in the order of `numpy.fft.fft2`; it covers one half-plane,
    so that the magnitude of a response is its envelope.
    """
    height, width = (np.fft.fftfreq(size) for size in shape)
    frequencies = np.hypot(height[:, None], width)
    directions = np.arctan2(height[:, None], width)
    filters = []
    for scale in range(scales):
        centre = HIGHEST_FREQUENCY / SCALE_STEP**scale
        radial = -10 * 0.35 * (frequencies / centre - 1) ** 2
        for orientation in range(orientations):
            turned = directions + np.pi * orientation / orientations
            off = (turned + np.pi) % (2 * np.pi) - np.pi
            filters.append(np.exp(radial - 2 * np.pi * (16 * orientations**2 / 32**2) * off**2))
    return np.array(filters, np.float32)


def _energies(padded: GreyImages, filters: NDArray[np.float32], margin: int, blocks: int) -> NDArray[np.float32]:
    """Return the mean magnitude of each response in each block, shape (n, filters · blocks²)."""
    spectra = np.fft.fft2(padded)
    columns = []
    for transfer in filters:
        response = _cropped(np.abs(np.fft.ifft2(spectra * transfer)), margin)
        rows, width = (np.linspace(0, size, blocks + 1).astype(int)[:-1] for size in response.shape[1:])
        sums = np.add.reduceat(np.add.reduceat(response, rows, axis=1), width, axis=2)
        ones = np.add.reduceat(np.add.reduceat(np.ones(response.shape[1:]), rows, axis=0), width, axis=1)
        columns.append((sums / ones).reshape(len(padded), -1))
    return np.concatenate(columns, axis=1, dtype=np.float32)


def _mirrored(images: GreyImages, margin: int) -> GreyImages:
    """Return images that go on over their edges as in a mirror."""
    return np.pad(images, ((0, 0), (margin, margin), (margin, margin)), "symmetric")


def _cropped(images: NDArray[Any], margin: int) -> NDArray[Any]:
    """Return images without a margin."""
    return images[:, margin:-margin, margin:-margin] if margin else images
