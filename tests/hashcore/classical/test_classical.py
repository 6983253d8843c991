"""The classical hashes: what all of them promise, and what all refuse."""

from __future__ import annotations

import pkgutil

import numpy as np
import pytest

from hashcore import classical
from hashcore.classical import by_name, cross_modal, lsh
from hashcore.classical.itq import rotate
from hashcore.classical.pcah import principal_components
from hashcore.classical.spec import LEARN_FROM_LABELS, METHODS, OF_TWO_MODALITIES
from hashcore.codes import unpack
from hashcore.errors import InvalidInputError
from hashcore.hasher import Hasher
from hashcore.inputs.features import FeatureInput
from hashcore.inputs.images import ImageInput
from hashcore.labels import Labels

OF_ONE_MODALITY = sorted(set(METHODS) - OF_TWO_MODALITIES)
DRAWS_NOTHING = ["pcah", "sh", "sign"]  # of one modality; the others take random numbers


def classes(numbers):
    return Labels.from_lists([[int(number)] for number in numbers])


def clusters(rows=300, dimensions=16, seed=0):
    """Features around 4 centres, far from the origin, and the number of the centre of each."""
    generator = np.random.default_rng(seed)
    numbers = generator.integers(0, 4, rows)
    centres = np.random.default_rng(9).standard_normal((4, dimensions)) * 3
    return 50 + centres[numbers] + generator.standard_normal((rows, dimensions)), numbers


@pytest.mark.parametrize("method", OF_ONE_MODALITY)
def test_codes_of_one_cluster_are_closer_than_those_of_two(method):
    items, numbers = clusters()
    hasher = by_name.fit(method, items, 12, classes(numbers), seed=1)
    bits = unpack(hasher.encode(items.astype(np.float32), "features"), 12).astype(int)
    distances = (bits[:, None] != bits).sum(2)
    alike = numbers[:, None] == numbers
    assert distances[alike].mean() < 0.8 * distances[~alike].mean()
    assert (bits.mean(0) > 0).all()
    assert (bits.mean(0) < 1).all()


@pytest.mark.parametrize("method", OF_ONE_MODALITY)
def test_the_hasher_describes_itself_and_survives_the_disk(method, tmp_path):
    items, numbers = clusters()
    items = items.astype(np.float32)
    hasher = by_name.fit(method, items, 9, classes(numbers), seed=3)
    assert hasher.modalities["features"].input == FeatureInput(dimensions=16)
    assert hasher.provenance == {"method": method, "seed": 3, "rows": 300}
    hasher.save(str(tmp_path))
    assert np.array_equal(Hasher.load(str(tmp_path)).encode(items, "features"), hasher.encode(items, "features"))


@pytest.mark.parametrize("method", OF_ONE_MODALITY)
def test_the_seed_decides_where_anything_is_drawn(method):
    items, numbers = clusters()
    labels = classes(numbers)
    first, again, other = (by_name.fit(method, items, 12, labels, seed=seed).fingerprint for seed in (1, 1, 2))
    assert first == again
    assert (first != other) == (method not in DRAWS_NOTHING)


@pytest.mark.parametrize("method", OF_ONE_MODALITY)
def test_images_are_read_by_their_pixels(method):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 3, 4, 5), np.uint8)
    labels = classes(np.arange(40) % 8)
    hasher = by_name.fit(method, pixels, 16, labels)
    assert hasher.modalities["image"].input == ImageInput(height=4, width=5, channels=3)
    assert len(np.unique(hasher.encode(pixels, "image"), axis=0)) > 7
    assert by_name.fit(method, pixels, 16, labels, modality="photo").modalities.keys() == {"photo"}


def test_random_hyperplanes_split_two_vectors_as_often_as_their_angle_says():
    items = np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 1.0], [-1.0, -1.0]])  # mean zero; 45 degrees apart
    bits = unpack(lsh.fit(items, 4096, seed=0).encode(items.astype(np.float32), "features"), 4096)
    assert (bits[0] != bits[2]).mean() == pytest.approx(0.25, abs=0.03)
    assert (bits[0] != bits[1]).mean() == 1


def test_principal_components_are_those_of_the_singular_value_decomposition():
    items, _ = clusters()
    centered = items - items.mean(0)
    components = principal_components(centered, 5)
    _, _, right = np.linalg.svd(centered, full_matrices=False)
    assert np.allclose(np.abs((components * right[:5]).sum(1)), 1)


def quantization_loss(projected, rotation):
    rotated = projected @ rotation
    return float(((np.where(rotated > 0, 1, -1) - rotated) ** 2).sum())


def test_rotation_is_orthogonal_and_each_turn_lowers_the_quantization_loss():
    items, _ = clusters()
    centered = items - items.mean(0)
    projected = centered @ principal_components(centered, 8).T
    losses = []
    for iterations in range(6):
        rotation = rotate(projected, 0, iterations)
        assert np.allclose(rotation @ rotation.T, np.eye(8))
        losses.append(quantization_loss(projected, rotation))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.99 * losses[0]


def test_more_bits_than_principal_components_are_refused():
    items = np.repeat(np.random.default_rng(0).standard_normal((6, 20)), 3, axis=0)
    for method in ("itq", "pcah"):
        with pytest.raises(InvalidInputError, match=r"code_length=8 exceeds the 5 principal components"):
            by_name.fit(method, items, 8, None)
    with pytest.raises(InvalidInputError, match=r"code_length=21 exceeds the 20 dimensions"):
        by_name.fit("diffhash", items, 21, classes(np.arange(18) // 3))
    assert lsh.fit(items, 64).code_length == 64


@pytest.mark.parametrize("method", OF_ONE_MODALITY)
@pytest.mark.parametrize(
    ("items", "code_length", "message"),
    [
        (np.zeros((0, 4)), 8, r"items have shape \(0, 4\)"),
        (np.zeros(4), 8, r"items have shape \(4,\)"),
        (np.array([[np.nan, 1.0]]), 8, "NaN or infinite"),
        (np.eye(9), 7, "code_length=7"),
    ],
)
def test_items_that_do_not_fit_are_refused(method, items, code_length, message):
    with pytest.raises(InvalidInputError, match=message):
        by_name.fit(method, items, code_length, classes(np.arange(len(items)) % 2))


@pytest.mark.parametrize("method", sorted(LEARN_FROM_LABELS - OF_TWO_MODALITIES))
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "learns from labels and there are none"),
        (classes([0, 1]), "2 rows of labels but 4 items"),
        (classes([5, 5, 5, 5]), "all 4 labelled rows share label 5"),
        (classes([0, 1, 2, 3]), "so no pair is similar"),
    ],
)
def test_labels_that_teach_nothing_are_refused(method, labels, message):
    with pytest.raises(InvalidInputError, match=message):
        by_name.fit(method, np.random.default_rng(0).standard_normal((4, 12)), 8, labels)


def test_every_method_has_its_place():
    alone = {each.name for each in pkgutil.iter_modules(classical.__path__)}
    together = {each.name for each in pkgutil.iter_modules(cross_modal.__path__)}
    assert together == {method.replace("-", "_") for method in OF_TWO_MODALITIES}
    others = alone - {"by_name", "common", "cross_modal", "spec"}
    assert others == {method.replace("-", "_") for method in METHODS} - together
    assert set(METHODS) > LEARN_FROM_LABELS | OF_TWO_MODALITIES


@pytest.mark.parametrize("method", METHODS)
def test_a_method_fits_as_many_modalities_as_it_can(method):
    items, numbers = clusters()
    views = {"left": items, "right": items[:, ::-1].copy()}
    labels = classes(numbers)
    if method in OF_TWO_MODALITIES:
        assert list(by_name.fit(method, views, 8, labels).modalities) == ["left", "right"]
        with pytest.raises(InvalidInputError, match="views are items; give two modalities"):
            by_name.fit(method, items, 8, labels)
    else:
        assert list(by_name.fit(method, {"left": items}, 8, labels).modalities) == ["left"]
        with pytest.raises(InvalidInputError, match=f"{method} fits one modality, not left, right"):
            by_name.fit(method, views, 8, labels)
