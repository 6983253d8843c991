"""Varied images: every one is the image moved by a few pixels or mirrored, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hashcore.errors import ConfigError
from hashcore.labels import Labels
from hashcore.networks.spec import Linear
from hashcore.training import fit
from hashcore.training import step as training_step
from hashcore.training.augmentation import vary
from hashcore.training.config import Augmentation, Lbfgs, TrainingConfig

IMAGE = torch.arange(2 * 5 * 7).reshape(2, 5, 7)


def moved(image, down, across, mirrored):
    """The image by hand, place by place."""
    _, height, width = image.shape
    there = torch.empty_like(image)
    for y in range(height):
        for x in range(width):
            place = width - 1 - x if mirrored else x
            row = min(max(y + down, 0), height - 1)
            there[:, y, x] = image[:, row, min(max(place + across, 0), width - 1)]
    return there


@pytest.mark.parametrize(("shift", "mirror"), [(0, False), (2, False), (0, True), (1, True)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_an_image_is_moved_and_mirrored_in_every_allowed_way_and_no_other(shift, mirror, dtype):
    torch.manual_seed(0)
    images = IMAGE.to(dtype).expand(600, -1, -1, -1)
    varied = vary({"x": images}, Augmentation(shift=shift, mirror=mirror))["x"]
    assert varied.dtype == dtype and varied.shape == images.shape
    steps = range(-shift, shift + 1)
    allowed = [
        moved(IMAGE, down, across, mirrored).to(dtype)
        for down in steps
        for across in steps
        for mirrored in ((False, True) if mirror else (False,))
    ]
    counts = [sum(torch.equal(each, one) for each in varied) for one in allowed]
    assert sum(counts) == 600 and min(counts) > 0.5 * 600 / len(allowed)


def test_features_pass_and_nothing_varies_without_being_asked_to():
    items = {"image": IMAGE.expand(9, -1, -1, -1), "tags": torch.randn(9, 4)}
    assert vary(items, None) is items
    varied = vary(items, Augmentation(shift=2))
    assert varied["tags"] is items["tags"] and not torch.equal(varied["image"], items["image"])


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((6,), r"augmentation varies images, and there is x of shape \(6,\)"),
        ((1, 3, 9), "shift=3 moves x of 3 x 9 pixels"),
    ],
)
def test_what_cannot_be_varied_is_refused(shape, message):
    items = np.zeros((8, *shape), np.uint8 if len(shape) == 3 else np.float32)
    labels = Labels.from_lists([[i % 2] for i in range(8)])
    with pytest.raises(ConfigError, match=message):
        fit({"x": items}, labels, TrainingConfig(code_length=8, augmentation=Augmentation(shift=3)))


def stripes(rows, seed, offset):
    """A bright column on the left or the right half of dim images: the class; `offset` moves it."""
    generator = np.random.default_rng(seed)
    classes = generator.integers(0, 2, rows)
    images = generator.integers(0, 60, (rows, 1, 4, 12)).astype(np.uint8)
    images[np.arange(rows), :, :, 3 + 5 * classes + offset] = 255
    return images, classes


def learned(images, classes, **changes):
    config = TrainingConfig(code_length=16, network=Linear(), epochs=8, batch_size=32, **changes)
    return fit({"x": images}, Labels.from_lists(classes[:, None].tolist()), config)


def test_shifts_teach_what_moved_images_are():
    images, classes = stripes(200, 0, 0)
    new, wanted = stripes(60, 1, 1)

    def error(augmentation):
        hasher = learned(images, classes, augmentation=augmentation)
        nearest = (hasher.project(new, "x")[:, None] - hasher.project(images, "x")).__pow__(2).sum(2).argmin(1)
        return float((classes[nearest] != wanted).mean())

    assert error(Augmentation(shift=1)) < 0.05 < error(None)


def test_a_batch_is_varied_once_though_lbfgs_reads_it_often_and_never_when_it_is_judged(monkeypatch):
    given = []
    monkeypatch.setattr(training_step, "vary", lambda items, spec: given.append(len(items["x"])) or vary(items, spec))
    learned(*stripes(200, 0, 0), augmentation=Augmentation(shift=1), optimizer=Lbfgs(), validation_share=0.2)
    assert given == [32] * (8 * (160 // 16))
