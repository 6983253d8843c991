"""Reading columns: good rows in, every kind of bad row out with its reason, whatever the bytes."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from hashcore.errors import InvalidInputError
from hashcore.inputs import FeatureInput, ImageInput, infer, read_column

GREY = ImageInput(height=4, width=6)
NAN, INF = float("nan"), float("inf")


def encoded(pixels, file_format="PNG", mode=None):
    buffer = BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(buffer, format=file_format)
    return buffer.getvalue()


def grey_pixels(seed=0, height=4, width=6):
    return np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.float32(), 2), pa.list_(pa.int64())]
)
def test_features_are_read_from_any_list_of_numbers(kind):
    column = pa.array([[1, 2], None, [3, 4]], kind)
    read = read_column(column, FeatureInput(dimensions=2))
    assert (read.values.tolist(), read.values.dtype) == ([[1, 2], [3, 4]], np.float32)
    assert (read.kept.tolist(), read.kept.dtype) == ([0, 2], np.int64)
    assert read.rejected == [(1, "null")]


def test_every_bad_feature_row_is_named_with_its_reason():
    rows = [[1.0, 2.0], [], [NAN, 1.0], [1.0, 2.0, 3.0], None, [1.0, INF], [1.0, None], [1e300, 0.0], [5.0, 6.0]]
    read = read_column(pa.chunked_array([rows[:4], rows[4:]], pa.list_(pa.float64())), FeatureInput(dimensions=2))
    assert read.values.tolist() == [[1, 2], [5, 6]]
    assert read.kept.tolist() == [0, 8]
    not_finite = "a value is null, NaN or infinite"
    assert read.rejected == [
        (1, "0 values where 2 are needed"),
        (2, not_finite),
        (3, "3 values where 2 are needed"),
        (4, "null"),
        (5, not_finite),
        (6, not_finite),
        (7, not_finite),
    ]


@pytest.mark.parametrize("rows", [[], [None], [[1.0]]])
def test_columns_without_a_good_row_give_none(rows):
    read = read_column(pa.array(rows, pa.list_(pa.float32())), FeatureInput(dimensions=3))
    assert read.values.shape == (0, 3)
    assert [row for row, _ in read.rejected] == list(range(len(rows)))


def test_sliced_columns_are_read_from_their_own_rows():
    column = pa.array([[1.0], [2.0], None, [4.0]], pa.list_(pa.float32())).slice(1)
    read = read_column(column, FeatureInput(dimensions=1))
    assert (read.values.tolist(), read.kept.tolist(), read.rejected) == ([[2], [4]], [0, 2], [(1, "null")])


def test_grey_images_are_read_pixel_by_pixel():
    pixels = [grey_pixels(0), grey_pixels(1)]
    read = read_column(pa.array([encoded(image) for image in pixels]), GREY)
    assert np.array_equal(read.values, np.stack(pixels)[:, None])
    assert (read.values.dtype, read.kept.tolist(), read.rejected) == (np.uint8, [0, 1], [])


def test_colours_come_channel_by_channel():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    column = pa.array([encoded(pixels), encoded(pixels, mode="RGBA"), encoded(grey_pixels())], pa.large_binary())
    read = read_column(column, ImageInput(height=4, width=6, channels=3))
    assert np.array_equal(read.values[0], pixels.transpose(2, 0, 1))
    assert np.array_equal(read.values[1], read.values[0])
    assert np.array_equal(read.values[2], np.stack([grey_pixels()] * 3))


def test_jpeg_files_are_read_too():
    flat = np.full((4, 6), 100, np.uint8)
    assert np.array_equal(read_column(pa.array([encoded(flat, "JPEG")]), GREY).values[0, 0], flat)


def test_every_bad_image_is_named_with_its_reason():
    whole = encoded(grey_pixels(height=40, width=60))
    deep = BytesIO()
    Image.fromarray(np.zeros((40, 60), np.uint16)).save(deep, format="PNG")
    bad = {
        "null": None,
        "not a PNG or JPEG file": b"GIF89a....",
        "image of 6 x 4 where 60 x 40 is needed": encoded(grey_pixels()),
        "truncated or damaged image": whole[: len(whole) // 2],
        "image of mode I;16": deep.getvalue(),
    }
    read = read_column(pa.array([*bad.values(), whole]), ImageInput(height=40, width=60))
    assert read.kept.tolist() == [len(bad)]
    assert [row for row, _ in read.rejected] == list(range(len(bad)))
    assert all(got.startswith(wanted) for (_, got), wanted in zip(read.rejected, bad, strict=True))


def test_a_header_that_promises_a_huge_image_is_not_believed():
    header = bytearray(encoded(grey_pixels()))
    header[16:24] = (60000).to_bytes(4, "big") * 2
    assert not read_column(pa.array([bytes(header)]), GREY).kept.size


@given(st.sampled_from(["PNG", "JPEG"]), st.data())
def test_damaged_bytes_give_a_reason_or_an_image_but_never_an_error(file_format, data):
    content = bytearray(encoded(grey_pixels(), file_format))
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[position] = data.draw(st.integers(0, 255))
    content = bytes(content[: data.draw(st.integers(0, len(content)))])
    read = read_column(pa.array([content], pa.binary()), GREY)
    assert len(read.kept) + len(read.rejected) == 1
    assert all("\n" not in reason for _, reason in read.rejected)


@pytest.mark.parametrize(
    ("column", "spec", "message"),
    [
        (pa.array(["a"]), GREY, "images are string but must be binary"),
        (pa.array([b"a"]), FeatureInput(dimensions=2), "features are binary but must be lists of numbers"),
        (pa.array([["a"]]), FeatureInput(dimensions=2), r"features are list<item: string> but must be lists"),
    ],
)
def test_columns_of_another_kind_are_refused(column, spec, message):
    with pytest.raises(InvalidInputError, match=message):
        read_column(column, spec)


def test_inputs_are_described_by_their_first_readable_row():
    assert infer(pa.array([None, [1.0, 2.0, 3.0]])) == FeatureInput(dimensions=3)
    assert infer(pa.array([None, b"no image", encoded(grey_pixels())])) == GREY
    colour = np.zeros((5, 7, 3), np.uint8)
    assert infer(pa.array([encoded(colour)])) == ImageInput(height=5, width=7, channels=3)


@pytest.mark.parametrize("column", [pa.array([None], pa.list_(pa.float32())), pa.array([b"a"]), pa.array(["text"])])
def test_columns_without_a_readable_row_describe_nothing(column):
    with pytest.raises(InvalidInputError):
        infer(column)


def test_specs_beyond_the_limit_of_pixels_are_refused():
    with pytest.raises(ValidationError, match="exceed"):
        ImageInput(height=1 << 14, width=1 << 14)
