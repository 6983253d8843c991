"""Devices: one that is not there is refused in a line, codes are of full float32, and a GPU gives what a CPU would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import far_device
import numpy as np
import pytest
import torch
from torch import nn

from hashcore.errors import ConfigError
from hashcore.hasher import Hasher, Modality
from hashcore.inputs.features import FeatureInput
from hashcore.labels import Labels
from hashcore.losses.spec import RelaxedTriplet
from hashcore.machine import devices
from hashcore.networks.layers.preprocessing import Preprocess
from hashcore.networks.spec import Linear, Mlp, Nin, Preprocessing
from hashcore.training import fit
from hashcore.training.checkpoint import read_state
from hashcore.training.config import AdamW, Augmentation, Pretraining, TrainingConfig

TESTS = Path(far_device.__file__).parent
CONFIG = TrainingConfig(code_length=8, network=Mlp(hidden=(8,)), epochs=2, batch_size=8)
WITH_GPU = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs an NVIDIA GPU and a torch that computes there"
)


def items(rows=64):
    generator = np.random.default_rng(0)
    classes = generator.integers(0, 2, rows)
    features = generator.standard_normal((rows, 5)) + 3 * classes[:, None]
    return features.astype(np.float32), Labels.from_lists([[int(label)] for label in classes])


def images(rows=200):
    """Images of a gradient, downwards or across, each of its own height and under noise, and which it is."""
    generator = np.random.default_rng(0)
    classes = generator.integers(0, 2, rows)
    ramp = np.linspace(-60, 60, 16)
    shapes = np.where(classes[:, None, None] == 0, ramp[None, :, None], ramp[None, None, :])
    values = 128 + shapes + generator.normal(0, 25, (rows, 16, 16))
    pixels = np.repeat(values[:, None], 3, axis=1).clip(0, 255).astype(np.uint8)
    return pixels, Labels.from_lists([[int(label)] for label in classes])


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "meta", ""])
def test_a_device_that_is_not_there_is_refused_in_one_line(name):
    hasher = fit(*items(), CONFIG)
    for use in (devices.check_device, hasher.on, lambda device: fit(*items(), CONFIG, device=device)):
        with pytest.raises(
            ConfigError, match=f"^device={name}: torch .* cannot compute on {name} .*; use cpu, or"
        ) as told:
            use(name)
        assert "\n" not in str(told.value)


def test_who_asked_for_a_device_is_told():
    with pytest.raises(ConfigError, match=r"^train\.gpu=true: torch .* cannot compute on cuda:99"):
        devices.check_device("cuda:99", "train.gpu=true")


def test_the_provenance_of_a_training_names_the_device():
    assert fit(*items(), CONFIG).provenance["device"] == "cpu"
    assert fit(*items(), CONFIG, device="cpu").fingerprint == fit(*items(), CONFIG).fingerprint


class Watched(nn.Linear):
    """A linear layer that notes how float32 numbers are multiplied on GPUs while it computes."""

    def forward(self, values):
        self.seen = precisions()
        return super().forward(values)


def precisions():
    """Return all settings by which products of float32 numbers may lose bits."""
    return [getattr(owner, name) for owner, name, _ in devices._settings()]


def test_codes_are_computed_in_full_float32_and_the_setting_is_given_back():
    layer = Watched(5, 8)
    modality = Modality(input=FeatureInput(dimensions=5), preprocessing=Preprocessing(), network=Linear())
    hasher = Hasher(8, {"features": modality}, {"features": nn.Sequential(Preprocess(Preprocessing(), (5,)), layer)})
    torch.set_float32_matmul_precision("medium")
    try:
        loosened = precisions()
        hasher.encode(items()[0], "features")
        assert layer.seen == [value for _, _, value in devices._settings()] != loosened
        assert precisions() == loosened
    finally:
        torch.set_float32_matmul_precision("highest")
    before = precisions()
    with pytest.raises(ZeroDivisionError), devices.full_float32():
        1 / 0  # noqa: B018
    assert precisions() == before


def test_training_moves_all_that_it_needs_to_a_device_and_gives_what_the_cpu_gives():
    """Where no GPU is, a device of the tests' own refuses tensors that were left behind."""
    if not far_device.is_possible():
        pytest.skip(f"torch {torch.__version__} has no devices made in Python, to stand for a GPU")
    place = {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parents[1])])}
    command = [sys.executable, str(TESTS / "trained_far_away.py")]
    done = subprocess.run(command, env=os.environ | place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert len(told) == 12
    for name, seen in told.items():
        assert seen["device"] == "far", name
        assert seen["difference"] < 1e-5, name  # torch may add up in another order
        assert seen["alike"], name


@pytest.mark.parametrize(("in_use", "forked"), [(False, []), (True, [0, 1])])
def test_random_numbers_are_given_back_and_no_idle_gpu_is_asked_for_them(monkeypatch, in_use, forked):
    asked, given = [], []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: in_use)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: asked.append(device) or torch.zeros(1))
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: given.append(device))
    before = torch.random.get_rng_state()
    fit(*items(), CONFIG)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert set(asked) == set(given) == set(forked)


@WITH_GPU
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"precision": "bfloat16", "standardized": True, "mean_zero": 0.0},
        {"pretraining": Pretraining(epochs=2, hash_epochs=1), "validation_share": 0.2, "patience": 50},
    ],
)
def test_a_network_of_images_learns_on_a_gpu_and_gives_the_same_codes_there_as_here(changes):
    config = TrainingConfig(
        code_length=16,
        network=Nin(widths=(16, 16, 32, 32)),
        loss=RelaxedTriplet(margin=2),
        negatives="every",
        augmentation=Augmentation(shift=1),
        optimizer=AdamW(learning_rate=0.003),
        epochs=8,
        batch_size=32,
    )
    hasher, here = (fit(*images(), config.model_copy(update=changes), device=device) for device in ("cuda", "cpu"))
    losses = [[epoch["loss"] for epoch in made.provenance["history"]] for made in (hasher, here)]
    assert losses[0][-1] < 0.8 * losses[0][0]  # outputs that are standardized cannot all keep the margin
    assert abs(losses[0][-1] - losses[1][-1]) < 0.05
    assert all(weight.device.type == "cpu" for weight in hasher.weights().values())
    assert hasher.provenance["device"] == torch.cuda.get_device_name()
    pixels = np.random.default_rng(1).integers(0, 256, (2000, 3, 16, 16), np.uint8)
    assert np.array_equal(hasher.on("cuda").encode(pixels, "image"), hasher.encode(pixels, "image"))


@WITH_GPU
def test_a_training_on_a_gpu_goes_on_from_where_it_was_interrupted(tmp_path):
    def interrupt(epoch):
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    config, folder = CONFIG.model_copy(update={"epochs": 4, "optimizer": AdamW()}), str(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        fit(*items(), config, device="cuda", checkpoints=folder, on_epoch=interrupt)
    assert len(read_state(folder).history) == 2
    resumed = fit(*items(), config, device="cuda", checkpoints=folder)
    assert len(resumed.provenance["history"]) == 4
    assert all(torch.isfinite(weight).all() for weight in resumed.weights().values())
