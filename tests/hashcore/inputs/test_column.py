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
from hashcore.inputs.column import infer, read_column
from hashcore.inputs.features import FeatureInput
from hashcore.inputs.images import ImageInput
from hashcore.inputs.tags import TagInput, describe_tags

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
    Image.fromarray(np.zeros((40, 60), np.float32)).save(deep, format="TIFF")
    bad = {
        "null": None,
        "not a PNG, JPEG, WebP, GIF, TIFF or BMP file": b"<svg/>",
        "image of 6 x 4 where 60 x 40 is needed": encoded(grey_pixels()),
        "truncated or damaged image": whole[: len(whole) // 2],
        "image of mode F where 8 bits per channel, or 16 of grey, are needed": deep.getvalue(),
    }
    read = read_column(pa.array([*bad.values(), whole]), ImageInput(height=40, width=60))
    assert read.kept.tolist() == [len(bad)]
    assert [row for row, _ in read.rejected] == list(range(len(bad)))
    assert all(got.startswith(wanted) for (_, got), wanted in zip(read.rejected, bad, strict=True))


def turned(pixels, orientation, file_format="JPEG"):
    """Return a file of pixels whose EXIF says how they are turned, as a camera writes it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, format=file_format, exif=exif)
    return buffer.getvalue()


# what a viewer does with the pixels, by EXIF 2.32 §4.6.4: row 0 and column 0 are told by where they are seen
UPRIGHT = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.T,
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].T,
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_an_image_is_turned_as_its_exif_says(orientation):
    pixels = grey_pixels(height=4, width=6)
    wanted = UPRIGHT[orientation](pixels)
    content = turned(pixels, orientation, "PNG")
    spec = infer(pa.array([content]))
    assert spec == ImageInput(height=wanted.shape[0], width=wanted.shape[1])
    assert np.array_equal(read_column(pa.array([content]), spec).values[0, 0], wanted)


def test_photographs_taken_upright_and_sideways_have_one_size():
    tall, wide = np.zeros((60, 40), np.uint8), np.zeros((40, 60), np.uint8)
    column = pa.array([turned(tall, 1), turned(wide, 6), turned(wide, 8), turned(tall, 3), turned(wide, 77)])
    read = read_column(column, ImageInput(height=60, width=40))
    assert (read.kept.tolist(), read.rejected) == ([0, 1, 2, 3], [(4, "image of 60 x 40 where 40 x 60 is needed")])


def test_damaged_exif_turns_nothing():
    content = turned(grey_pixels(), 6).replace(b"Exif\0\0MM", b"Exif\0\0ZZ").replace(b"Exif\0\0II", b"Exif\0\0ZZ")
    assert read_column(pa.array([content]), GREY).kept.tolist() == [0]


def test_colours_for_print_are_read_as_those_of_a_screen():
    pixels = np.full((4, 6, 3), (200, 40, 90), np.uint8)
    content = encoded(pixels, "JPEG", mode="CMYK")
    assert infer(pa.array([content])) == ImageInput(height=4, width=6, channels=3)
    read = read_column(pa.array([content]), ImageInput(height=4, width=6, channels=3))
    assert np.abs(read.values[0].transpose(1, 2, 0).astype(int) - pixels).max() < 4


IMAGES = [encoded(grey_pixels(seed)) for seed in range(3)]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([{"bytes": image, "path": "a.png"} for image in IMAGES]),
        pa.array(
            [{"path": None, "bytes": image} for image in IMAGES],
            pa.struct({"path": pa.string(), "bytes": pa.large_binary()}),
        ),
        pa.array(IMAGES, pa.binary_view()),
        pa.array(IMAGES).dictionary_encode(),
        pa.chunked_array([IMAGES[:1], IMAGES[1:]]),
    ],
    ids=lambda column: str(column.type),
)
def test_images_are_read_whatever_keeps_their_bytes(column):
    assert infer(column) == GREY
    assert np.array_equal(read_column(column, GREY).values, read_column(pa.array(IMAGES), GREY).values)


def test_an_image_that_is_only_a_path_is_a_bad_row():
    column = pa.array([{"bytes": None, "path": "a.png"}, None], pa.struct({"bytes": pa.binary(), "path": pa.string()}))
    assert read_column(column, GREY).rejected == [(0, "null"), (1, "null")]


@pytest.mark.parametrize(
    "kind", [pa.list_view(pa.float32()), pa.large_list_view(pa.int8()), pa.fixed_shape_tensor(pa.float32(), (1, 2))]
)
def test_features_are_read_from_views_and_tensors(kind):
    storage = getattr(kind, "storage_type", kind)
    column = pa.array([[1, 2], [3, 4]], storage)
    if isinstance(kind, pa.BaseExtensionType):
        column = pa.ExtensionArray.from_storage(kind, column)
    assert read_column(column, infer(column)).values.tolist() == [[1, 2], [3, 4]]


TAGS = [["cat", "dog"], None, ["dog", "eel"]]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(TAGS, pa.large_list(pa.large_string())),
        pa.array(TAGS, pa.list_(pa.string(), 2)),
        pa.array(TAGS, pa.list_(pa.string_view())),
        pa.array(TAGS, pa.list_view(pa.string())),
        pa.ListArray.from_arrays(
            pa.array([0, 2, 2, 4], pa.int32(), mask=np.array([0, 1, 0, 0], bool)),
            pa.array(["cat", "dog", "dog", "eel"]).dictionary_encode(),
        ),
    ],
    ids=lambda column: str(column.type),
)
def test_tags_are_read_whatever_keeps_them(column):
    spec = describe_tags(column)
    assert spec.vocabulary == ("dog", "cat", "eel")
    read = read_column(column, spec)
    assert read.values[:, :3].tolist() == [[1, 1, 0], [1, 0, 1]]
    assert read.rejected == [(1, "null")]


def test_tags_that_are_a_0_or_1_for_each_are_refused():
    column = pa.array([[0, 0, 1, 0], [1, 0, 0, 0]])
    with pytest.raises(InvalidInputError, match="as if there were one for each tag; give the numbers of the tags"):
        describe_tags(column)
    with pytest.raises(InvalidInputError, match="as if there were one for each tag"):
        read_column(column, TagInput(dimensions=8))


def test_most_rows_decide_what_features_and_images_are():
    rows = [[1.0], *[[1.0, 2.0, 3.0]] * 5]
    assert infer(pa.array(rows)) == FeatureInput(dimensions=3)
    assert infer([pa.array([[1.0]], pa.list_(pa.float64())), pa.array([[1, 2]] * 2)]) == FeatureInput(dimensions=2)
    colour = encoded(np.zeros((4, 6, 3), np.uint8))
    assert infer(pa.array([encoded(grey_pixels(height=9)), colour, *IMAGES])) == ImageInput(
        height=4, width=6, channels=3
    )
    assert infer(pa.array([colour, *IMAGES]), channels=1) == GREY
    assert infer(pa.array([colour, *IMAGES]), size=(9, 9)) == ImageInput(height=9, width=9, channels=3)
    with pytest.raises(InvalidInputError, match=r"rows hold 1 \(1 rows\), 2 \(1 rows\), 3 \(1 rows\) features; give"):
        infer(pa.array([[1.0], [1.0, 2.0], [1.0, 2.0, 3.0]]))


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
