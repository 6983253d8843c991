"""GIST and HOG against what they are by definition, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from hashcore.errors import InvalidInputError
from hashcore.features.gist import even_contrast, gabor_filters, gist
from hashcore.features.hog import hog
from hashcore.features.normalization import center_to_unit_length

ACROSS, DOWN = np.meshgrid(np.arange(32), np.arange(32))


def stripes(degrees, cycles):
    """An image that changes along one direction, so many cycles a pixel."""
    angle = np.deg2rad(degrees)
    return np.sin(2 * np.pi * cycles * (np.cos(angle) * ACROSS + np.sin(angle) * DOWN))


def random_images(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def test_gist_has_a_value_for_each_scale_orientation_and_block():
    images = random_images(3, 32, 32)
    assert gist(images).shape == (3, 384)
    assert gist(images, scales=4).shape == (3, 512)
    assert gist(images, scales=4)[:, :384] == pytest.approx(gist(images), abs=1e-5)
    assert gist(random_images(2, 3, 40, 33), orientations=4, scales=2, blocks=3).shape == (2, 72)


@pytest.mark.parametrize("orientation", range(8))
@pytest.mark.parametrize("scale", range(3))
def test_stripes_answer_most_to_the_filter_of_their_direction_and_frequency(orientation, scale):
    image = stripes(180 - orientation * 22.5, 0.3 / 1.85**scale)
    energies = gist(image[None]).reshape(3, 8, 16).mean(2)
    assert np.unravel_index(energies.argmax(), energies.shape) == (scale, orientation)


def test_an_image_is_felt_in_the_blocks_where_it_is():
    image = np.full((32, 32), 100.0)
    image[:8, 24:] += 20 * stripes(0, 0.3)[:8, 24:]  # right of the first row of blocks
    energies = gist(image[None]).reshape(24, 4, 4).sum(0)
    assert np.unravel_index(energies.argmax(), energies.shape) == (0, 3)
    assert energies[3, 0] < 0.2 * energies[0, 3]


def test_a_filter_is_a_bump_on_one_half_plane_around_its_frequency():
    filters = gabor_filters((64, 64), 8, 3)
    assert filters.max(axis=(1, 2)) == pytest.approx(1, abs=0.1)
    frequencies = np.fft.fftfreq(64)
    for number, transfer in enumerate(filters):
        row, column = np.unravel_index(transfer.argmax(), transfer.shape)
        assert np.hypot(frequencies[row], frequencies[column]) == pytest.approx(0.3 / 1.85 ** (number // 8), abs=0.02)
        assert transfer[-row, -column] < 1e-3


def test_brightness_and_contrast_leave_gist_as_it_was():
    image = random_images(1, 32, 32) / 4.0
    assert gist(50 + 2 * image) == pytest.approx(gist(image), rel=1e-4)
    assert np.abs(gist(np.full((1, 32, 32), 7))).max() == 0
    lamp = np.exp(-(ACROSS**2 + DOWN**2) / 800)
    assert np.abs(even_contrast(200 * lamp[None].astype(np.float32))).max() < 1.5


def test_gist_of_an_image_depends_on_no_other():
    images = random_images(300, 32, 32)
    assert gist(images)[299] == pytest.approx(gist(images[299:])[0], abs=1e-5)


def test_grey_and_colour_of_equal_channels_have_the_same_gist():
    grey = random_images(2, 32, 32)
    assert gist(np.repeat(grey[:, None], 3, axis=1)) == pytest.approx(gist(grey), abs=1e-4)


def test_hog_of_32_pixels_has_486_values_of_blocks_of_unit_length_at_most():
    pytest.importorskip("skimage", reason="HOG is scikit-image's: pip install 'hashcore[papers]'")
    features = hog(random_images(2, 3, 32, 32))
    assert features.shape == (2, 486)
    lengths = np.linalg.norm(features.reshape(2, 9, 54), axis=2)
    assert lengths == pytest.approx(1, abs=0.01)
    assert hog(random_images(2, 32, 32)).shape == (2, 486)


def test_hog_counts_the_direction_of_the_gradient():
    pytest.importorskip("skimage", reason="HOG is scikit-image's: pip install 'hashcore[papers]'")
    across, down = (hog(stripes(degrees, 0.05)[None]).reshape(81, 6).sum(0) for degrees in (0, 90))
    assert across.argmax() == 0  # a gradient along a row
    assert down.argmax() == 3  # a quarter turn further: three of six bins in half a turn


def test_rows_are_centred_and_of_unit_length():
    features = np.random.default_rng(0).standard_normal((50, 7)).astype(np.float32) + 3
    unit = center_to_unit_length(features, features.mean(0))
    assert np.linalg.norm(unit, axis=1) == pytest.approx(1, abs=1e-6)
    assert unit * np.linalg.norm(features - features.mean(0), axis=1, keepdims=True) == pytest.approx(
        features - features.mean(0), abs=1e-5
    )


@pytest.mark.parametrize("feature", [gist, hog])
def test_what_is_no_image_is_refused(feature):
    if feature is hog:
        pytest.importorskip("skimage", reason="HOG is scikit-image's: pip install 'hashcore[papers]'")
    with pytest.raises(InvalidInputError, match=r"images have shape \(4, 4\)"):
        feature(np.zeros((4, 4)))
    with pytest.raises(InvalidInputError, match="images of 3 x 9 pixels"):
        feature(np.zeros((2, 3, 9)))
