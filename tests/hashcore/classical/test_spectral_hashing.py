"""PCA hashing and spectral hashing against their definitions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from hashcore.classical import pcah, sh
from hashcore.classical.sh import smoothest
from hashcore.codes import unpack


def box(rows=2000, sides=(8.0, 3.0, 1.0), seed=0):
    """Points spread evenly over a box, turned at random and far from the origin."""
    generator = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(generator.standard_normal((len(sides), len(sides))))
    return 20 + generator.uniform(-0.5, 0.5, (rows, len(sides))) * sides @ rotation


def test_bits_of_pcah_are_signs_of_the_singular_vectors():
    items = np.random.default_rng(0).standard_normal((200, 12)) * np.arange(1, 13)
    left, _, _ = np.linalg.svd(items - items.mean(0), full_matrices=False)
    bits = unpack(pcah.fit(items, 9).encode(items.astype(np.float32), "features"), 9)
    same = (bits == (left[:, :9] > 0)).mean(0)
    assert (np.maximum(same, 1 - same) > 0.99).all()  # a singular vector has no sign of its own


def test_projections_are_the_eigenfunctions_of_the_box():
    items = box()
    centered = items - items.mean(0)
    _, _, components = np.linalg.svd(centered, full_matrices=False)
    projected = centered @ components.T
    spans = np.ptp(projected, axis=0)
    numbers, modes = smoothest(spans, 8)
    x = projected[:, numbers] - projected[:, numbers].min(0)
    mirrored = spans[numbers] - x  # a component may point the other way
    wanted = [np.sin(np.pi / 2 + modes * np.pi * each / spans[numbers]) for each in (x, mirrored)]
    found = sh.fit(items, 8).project(items, "features")
    off = np.minimum(*(np.abs(found - each).max(0) for each in wanted))
    assert off.max() < 1e-3


def test_the_smoothest_functions_are_those_of_all_pairs_of_component_and_mode():
    spans = np.array([8.05, 3.1, 1.0])
    every = sorted(product(range(3), range(1, 13)), key=lambda pair: pair[1] / spans[pair[0]])
    numbers, modes = smoothest(spans, 12)
    assert list(zip(numbers.tolist(), modes.tolist(), strict=True)) == every[:12]


def test_the_longest_side_gives_the_first_bits_and_a_bit_of_mode_k_cuts_it_into_k_plus_1_stripes():
    numbers, modes = smoothest(np.array([8.0, 3.0, 1.0]), 8)
    assert (numbers[:2] == 0).all()
    assert modes[:2].tolist() == [1, 2]
    assert set(numbers) == {0, 1}
    line = np.linspace(-1, 1, 1001)[:, None] * np.eye(1, 4)
    bits = unpack(sh.fit(line, 8).encode(line.astype(np.float32), "features"), 8).astype(int)
    assert np.abs(np.diff(bits, axis=0)).sum(0).tolist() == list(range(1, 9))


def test_every_bit_of_spectral_hashing_is_balanced_over_a_box():
    items = box()
    bits = unpack(sh.fit(items, 12).encode(items.astype(np.float32), "features"), 12)
    assert bits.mean(0) == pytest.approx(0.5, abs=0.1)
