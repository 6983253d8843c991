"""Preprocessing fitted on training items, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hashcore.networks.layers import preprocessing
from hashcore.networks.layers.preprocessing import fit
from hashcore.networks.spec import Preprocessing

IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (11, 1, 2, 3), np.uint8))


def test_training_items_come_out_centred_with_mean_square_one():
    layer = fit(Preprocessing(), IMAGES)
    out = layer(IMAGES)
    assert (out.shape, out.dtype) == (IMAGES.shape, torch.float32)
    assert out.mean(0).abs().max().item() == pytest.approx(0, abs=1e-6)
    assert out.square().mean().item() == pytest.approx(1, abs=1e-5)


def test_new_items_are_treated_by_the_figures_of_the_training_items():
    layer = fit(Preprocessing(), IMAGES)
    items, new = IMAGES.double().numpy(), np.full((2, 1, 2, 3), 7.0)
    centered = items - items.mean(0)
    wanted = (new - items.mean(0)) / np.sqrt((centered**2).mean())
    assert np.allclose(layer(torch.from_numpy(new)).numpy(), wanted, atol=1e-5)


def test_unit_length_is_taken_after_centring():
    layer = fit(Preprocessing(unit_length=True, unit_variance=False), IMAGES)
    centered = IMAGES.double() - IMAGES.double().mean(0)
    lengths = centered.flatten(1).norm(dim=1)[:, None, None, None]
    assert torch.allclose(layer(IMAGES).double(), centered / lengths, atol=1e-6)


def test_nothing_is_done_where_nothing_is_wanted():
    layer = fit(Preprocessing(center=False, unit_variance=False), IMAGES)
    assert torch.equal(layer(IMAGES), IMAGES.float())


def test_items_that_are_all_alike_stay_finite():
    layer = fit(Preprocessing(unit_length=True), torch.full((4, 3), 5.0))
    assert torch.equal(layer(torch.full((1, 3), 5.0)), torch.zeros(1, 3))


def test_block_size_does_not_matter(monkeypatch):
    whole = fit(Preprocessing(), IMAGES)
    monkeypatch.setattr(preprocessing, "BLOCK_ROWS", 2)
    assert torch.allclose(fit(Preprocessing(), IMAGES).mean, whole.mean)
    assert torch.allclose(fit(Preprocessing(), IMAGES).scale, whole.scale)
