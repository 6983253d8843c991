"""Images of every size become of one, as torchvision would, whoever reads them and on however many threads."""

from __future__ import annotations

import json
from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest
from photographs import encoded, scene, turned
from PIL import Image
from pydantic import ValidationError

from hashcore.errors import InvalidInputError
from hashcore.inputs.column import infer, read_column
from hashcore.inputs.image_resizing import Resize, scaled_size
from hashcore.inputs.images import ImageInput

SIZES = [(20, 30), (64, 64), (33, 32), (32, 33), (75, 100), (640, 360), (7, 7), (50, 1), (1, 50), (1, 1), (65, 64)]
FILTERS = ["bilinear", "bicubic", "nearest", "lanczos", "box"]


def photograph(size, seed=0):
    return scene(np.random.default_rng(seed), 1, 3, size)


def torchvision_crop(image, side, interpolation):
    """Return what `Resize(side)` and `CenterCrop(side)` of torchvision 0.20 make of an image of Pillow."""
    width, height = image.size
    short, long = (width, height) if width <= height else (height, width)
    new_short, new_long = side, int(side * long / short)
    new = (new_short, new_long) if width <= height else (new_long, new_short)
    scaled = image.resize(new, Image.Resampling[interpolation.upper()])
    top, left = round((scaled.height - side) / 2.0), round((scaled.width - side) / 2.0)
    return scaled.crop((left, top, left + side, top + side))


def read_one(content, spec):
    read = read_column(pa.array([content]), spec)
    assert read.rejected == []
    return read.values[0].transpose(1, 2, 0)


@pytest.mark.parametrize("interpolation", FILTERS)
@pytest.mark.parametrize("size", [each for each in SIZES if min(each) > 1], ids=str)
def test_a_crop_is_the_one_of_torchvision(size, interpolation):
    image = photograph(size)
    spec = ImageInput(height=32, width=32, channels=3, resize=Resize(interpolation=interpolation))
    wanted = torchvision_crop(image, 32, interpolation)
    assert np.array_equal(read_one(encoded(image, "PNG"), spec), np.asarray(wanted))


@pytest.mark.parametrize("mode", ["crop", "stretch", "pad"])
@pytest.mark.parametrize("size", [*SIZES, (5000, 1), (1, 5000)], ids=str)
@pytest.mark.parametrize("shape", [(32, 32), (24, 40), (1, 1)], ids=str)
def test_every_size_becomes_the_one_that_is_wanted(size, shape, mode):
    image = Image.new("RGB", size, (200, 100, 50))
    spec = ImageInput(height=shape[0], width=shape[1], channels=3, resize=Resize(mode=mode))
    pixels = read_one(encoded(image, "PNG"), spec)
    assert pixels.shape == (*shape, 3)
    scaled = scaled_size(size, (shape[1], shape[0]), mode)
    if mode == "crop":
        assert (
            scaled[0] >= shape[1] and scaled[1] >= shape[0] and shape in ((scaled[1], shape[1]), (shape[0], scaled[0]))
        )
    inside = (pixels == (200, 100, 50)).all(axis=-1)
    assert inside.sum() == (scaled[0] * scaled[1] if mode == "pad" else shape[0] * shape[1])
    assert (pixels[~inside] == 255).all()


def test_padding_is_white_and_even():
    spec = ImageInput(height=8, width=8, resize=Resize(mode="pad", interpolation="nearest"))
    pixels = read_one(encoded(Image.new("L", (8, 3), 7), "PNG"), spec)[..., 0]
    assert pixels.tolist() == [[255] * 8] * 2 + [[7] * 8] * 3 + [[255] * 8] * 3


def test_stretching_scales_each_side_by_its_own_factor():
    image = photograph((75, 100))
    spec = ImageInput(height=20, width=60, channels=3, resize=Resize(mode="stretch", interpolation="bicubic"))
    wanted = image.resize((60, 20), Image.Resampling.BICUBIC)
    assert np.array_equal(read_one(encoded(image, "PNG"), spec), np.asarray(wanted))


def test_an_image_is_turned_before_it_is_cut():
    image = Image.fromarray((np.linspace(0, 255, 90)[:, None] * np.ones((1, 30))).astype(np.uint8))
    spec = ImageInput(height=24, width=24, resize=Resize())
    upright, sideways = (read_one(turned(image, each), spec).astype(int) for each in (1, 6))
    assert np.abs(upright - sideways).max() < 4
    assert upright[0, 0] > 60 and upright[-1, 0] < 200  # the middle third


@pytest.mark.parametrize("orientation", [1, 6])
def test_large_photographs_are_decoded_smaller_and_show_the_same(orientation):
    image = photograph((1200, 800))
    content = turned(image, orientation)
    spec = ImageInput(height=32, width=32, channels=3, resize=Resize())
    whole = read_one(encoded(image, "PNG"), spec).astype(int)
    assert np.abs(read_one(content, spec) - whole).mean() < 3


def test_a_jpeg_file_of_less_than_four_times_the_size_is_decoded_whole():
    image = photograph((127, 127))
    content = encoded(image, "JPEG")
    spec = ImageInput(height=32, width=32, channels=3, resize=Resize())
    wanted = torchvision_crop(Image.open(BytesIO(content)), 32, "bilinear")
    assert np.array_equal(read_one(content, spec), np.asarray(wanted))


def test_an_image_too_narrow_to_scale_is_a_bad_row():
    content = encoded(Image.new("1", (1 << 20, 1)), "PNG")
    spec = ImageInput(height=64, width=64, resize=Resize())
    reason = "image of 1048576 x 1 is too narrow: scaled to 67108864 x 64 it exceeds 67108864 pixels"
    assert read_column(pa.array([content]), spec).rejected == [(0, reason)]


@pytest.mark.parametrize("threads", [2, 5, 64])
def test_threads_change_nothing(threads):
    files = [encoded(photograph((20 + row, 90 - row), row), ("PNG", "JPEG", "BMP")[row % 3]) for row in range(70)]
    files[3], files[40], files[69] = b"no image", None, files[69][:100]
    column, spec = pa.array(files), ImageInput(height=16, width=16, channels=3, resize=Resize())
    one, many = (read_column(column, spec, threads=each) for each in (1, threads))
    assert np.array_equal(one.values, many.values) and len(one.values) == 67
    assert np.array_equal(one.kept, many.kept) and one.rejected == many.rejected
    assert [row for row, _ in many.rejected] == [3, 40, 69]


def column_of(*sizes):
    return pa.array([encoded(Image.new("L", size), "PNG") for size in sizes])


def test_images_of_one_size_are_not_resized():
    column = column_of(*[(6, 4)] * 5)
    assert infer(column, resize="auto") == infer(column) == ImageInput(height=4, width=6)
    assert infer(column, size=(4, 6), resize="auto") == ImageInput(height=4, width=6)
    assert infer(column, size=(4, 4), resize="auto") == ImageInput(height=4, width=4, resize=Resize())
    assert infer(column_of((500, 300)), resize="auto") == ImageInput(height=300, width=500)


def test_images_of_several_sizes_are_cropped_to_that_of_most_or_to_64():
    assert infer(column_of((6, 4), (6, 4), (9, 9)), resize="auto") == ImageInput(height=4, width=6, resize=Resize())
    of_64 = ImageInput(height=64, width=64, resize=Resize())
    assert infer(column_of((6, 4), (5, 5), (9, 9)), resize="auto") == of_64
    assert infer(column_of((600, 400), (600, 400), (9, 9)), resize="auto") == of_64
    said = infer(column_of((6, 4), (5, 5)), size=(30, 20), resize="auto", interpolation="box")
    assert said == ImageInput(height=30, width=20, resize=Resize(interpolation="box"))


@pytest.mark.parametrize("mode", ["crop", "stretch", "pad"])
def test_what_is_said_of_resizing_is_done(mode):
    column = column_of((6, 4), (5, 5), (9, 9))
    wanted = Resize(mode=mode, interpolation="lanczos")
    made = infer(column, size=(8, 8), resize=mode, interpolation="lanczos")
    assert made == ImageInput(height=8, width=8, resize=wanted)
    assert infer(column, size=(8, 8), channels=3, resize=mode, interpolation="lanczos").resize == wanted
    assert infer(column, resize=mode).shape == (1, 64, 64)


def test_images_of_several_sizes_are_refused_where_they_shall_not_be_resized():
    with pytest.raises(InvalidInputError, match=r"3 sizes: .*or let train\.resize be auto"):
        infer(column_of((6, 4), (5, 5), (9, 9)), resize="none")


@pytest.mark.parametrize("resize", ["auto", "none", "crop"])
def test_a_size_beyond_the_limit_of_pixels_is_refused(resize):
    with pytest.raises(
        InvalidInputError, match=r"train\.size=\[100000, 1000\] exceeds 67108864 pixels; give a smaller"
    ):
        infer(column_of((6, 4)), size=(100_000, 1000), channels=1, resize=resize)


def test_an_input_without_resizing_is_written_as_it_always_was():
    plain = ImageInput(height=4, width=6)
    assert plain.model_dump(mode="json") == {"kind": "image", "height": 4, "width": 6, "channels": 1}
    held = ImageInput(height=4, width=6, resize=Resize(mode="pad"))
    assert json.loads(held.model_dump_json())["resize"] == {"mode": "pad", "interpolation": "bilinear"}
    for each in (plain, held):
        assert ImageInput.model_validate_json(each.model_dump_json()) == each


@pytest.mark.parametrize("resize", [{"mode": "zoom"}, {"interpolation": "best"}, {"mode": "crop", "colour": 0}, "crop"])
def test_resizing_that_is_none_is_refused(resize):
    with pytest.raises(ValidationError):
        ImageInput(height=4, width=6, resize=resize)
