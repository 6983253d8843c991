"""ITQ-CCA, DiffHash and SSH against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cross_decomposition import CCA

from hashcore.classical import diffhash, itq_cca, ssh
from hashcore.classical.common.boosting import reweigh
from hashcore.classical.common.threshold import PointPairs
from hashcore.classical.cross_modal.cca import canonical_directions
from hashcore.classical.itq_cca import membership
from hashcore.codes import unpack
from hashcore.labels import Labels
from hashcore.supervision.pairs import draw_pairs


def labelled(rows=400, dimensions=10, seed=0):
    """Features whose first dimension tells the class in part, under others of larger variance that do not."""
    generator = np.random.default_rng(seed)
    numbers = generator.integers(0, 3, rows)
    items = generator.standard_normal((rows, dimensions)) * np.linspace(1, 4, dimensions)
    items[:, 0] += 3 * numbers
    return items, Labels.from_lists([[int(number)] for number in numbers])


def test_pairs_are_similar_where_labels_are_shared_and_only_there():
    labels = Labels.from_lists([[1], [1, 2], [2], [], [3], [3, 1]])
    pairs = draw_pairs(labels, 500, seed=0)  # 20 for each row
    shared = [bool(set(labels.of(i)) & set(labels.of(j))) for i, j in zip(pairs.left, pairs.right, strict=True)]
    assert pairs.similar.tolist() == shared
    assert pairs.similar.sum() == 120
    assert (pairs.left != pairs.right).all()
    assert 3 not in np.concatenate([pairs.left, pairs.right])


def test_canonical_directions_are_those_of_another_library():
    generator = np.random.default_rng(0)
    shared = generator.standard_normal((500, 2))
    first, second = (
        shared @ generator.standard_normal((2, size)) + 0.5 * generator.standard_normal((500, size)) for size in (5, 4)
    )
    first, second = first - first.mean(0), second - second.mean(0)
    onto_first, onto_second, correlations = canonical_directions(first, second)
    u, v = first @ onto_first.T, second @ onto_second.T
    found = [float(np.corrcoef(u[:, k], v[:, k])[0, 1]) for k in range(2)]
    peer = CCA(2, scale=False, max_iter=2000, tol=1e-10).fit(first, second).transform(first, second)
    wanted = [float(np.corrcoef(peer[0][:, k], peer[1][:, k])[0, 1]) for k in range(2)]
    assert found == pytest.approx(wanted, abs=2e-3)
    assert found == pytest.approx(correlations[:2].tolist(), abs=2e-3)
    assert np.abs(u.T @ u / 500 - np.eye(4)).max() < 1e-2
    assert np.abs(u.T @ v / 500 - np.diag(correlations)).max() < 1e-2


def test_itq_cca_keeps_to_the_directions_that_tell_labels_apart():
    items, labels = labelled()
    hasher = itq_cca.fit(items, 12, labels, seed=0)
    weights = hasher.weights()["features.1.1.weight"].numpy()
    assert np.linalg.matrix_rank(weights, tol=1e-3 * np.abs(weights).max()) == 2  # three classes lie in a plane
    bits = unpack(hasher.encode(items.astype(np.float32), "features"), 12).astype(int)
    distances, alike = (bits[:, None] != bits).sum(2), labels.values[:, None] == labels.values
    assert distances[alike].mean() < 0.6 * distances[~alike].mean()


def test_membership_has_a_column_for_each_label():
    members = membership(Labels.from_lists([[7], [], [2, 7]]))
    assert members.tolist() == [[0, 1], [0, 0], [1, 1]]


def test_directions_of_diffhash_minimise_the_difference_of_squared_differences():
    items, labels = labelled()
    pairs = draw_pairs(labels, 5000, seed=1)
    found = diffhash.directions(items, pairs, 10)
    assert np.allclose(found @ found.T, np.eye(10))

    def objective(direction):
        squares = ((items[pairs.left] - items[pairs.right]) @ direction) ** 2
        return squares[pairs.similar].mean() - squares[~pairs.similar].mean()

    values = [objective(direction) for direction in found]
    assert values == sorted(values)
    random = np.random.default_rng(0).standard_normal((200, 10))
    assert values[0] < min(objective(direction / np.linalg.norm(direction)) for direction in random)
    assert abs(found[0, 0]) > 0.9  # the dimension that tells the classes apart


@given(st.lists(st.tuples(*[st.integers(-5, 5)] * 3), min_size=1, max_size=20))
def test_the_best_threshold_is_that_of_trying_all(rows):
    first, second, gains = (np.array(column, float) for column in zip(*rows, strict=True))
    threshold, gain = PointPairs(first, second).best(gains)

    def gained(at):
        return gains[(first > at) != (second > at)].sum()

    ends = np.unique(np.concatenate([first, second]))
    tried = [gained(at) for at in (ends[1:] + ends[:-1]) / 2] or [0.0]
    assert gain == pytest.approx(max(tried))
    assert gained(threshold) == pytest.approx(gain)


def test_thresholds_of_diffhash_balance_false_negatives_and_false_positives():
    items, labels = labelled()
    pairs = draw_pairs(labels, 2000, seed=1)
    (threshold,) = diffhash.thresholds(items[:, :1], pairs)

    def error(at):
        above = items[:, 0] > at
        split = above[pairs.left] != above[pairs.right]
        return split[pairs.similar].mean() + (~split[~pairs.similar]).mean()

    assert error(threshold) <= min(error(at) for at in np.linspace(-3, 9, 200)) + 1e-12
    assert error(threshold) < 0.8


def test_each_round_of_ssh_takes_the_stump_that_agrees_best_with_the_weighted_pairs():
    items, labels = labelled(rows=60, dimensions=4)
    pairs = draw_pairs(labels, 200, seed=0)
    signs, weights = pairs.signs(), np.full(400, 1 / 400)
    for dimension, threshold in zip(*ssh.boost(items, pairs, 6), strict=True):

        def judged(k, at):
            above = items[:, k] > at
            return np.where(above[pairs.left] == above[pairs.right], 1.0, -1.0)

        agreements = [
            weights @ (signs * judged(k, at))
            for k in range(4)
            for at in (np.sort(items[:, k])[1:] + np.sort(items[:, k])[:-1]) / 2
        ]
        chosen = judged(dimension, threshold)
        assert weights @ (signs * chosen) == pytest.approx(max(agreements))
        weights = reweigh(weights, signs, chosen)
        assert weights.sum() == pytest.approx(1)
        assert weights @ (signs * chosen) == pytest.approx(0, abs=1e-9)  # AdaBoost: the last bit is no use any more


def test_the_first_bit_of_ssh_is_the_dimension_that_tells_the_classes_apart():
    items, labels = labelled()
    hasher = ssh.fit(items, 8, labels)
    weights = hasher.weights()["features.1.1.weight"].numpy()
    assert weights[0].argmax() == 0
    assert (weights.sum(1) == 1).all()
    assert ((weights == 0) | (weights == 1)).all()
