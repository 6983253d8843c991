"""CCA and CM-SSH: two kinds of input into one space."""

from __future__ import annotations

import numpy as np
import pytest

from hashcore.classical.cross_modal import cca, cm_ssh
from hashcore.classical.cross_modal.cm_ssh import agreeing_directions, best_thresholds
from hashcore.codes import unpack
from hashcore.errors import InvalidInputError
from hashcore.hasher import Hasher
from hashcore.labels import Labels

FITS = {"cca": lambda views, length, _labels: cca.fit(views, length), "cm-ssh": cm_ssh.fit}


def two_kinds(rows=400, seed=0):
    """Two views of things of 4 classes, each a linear picture of the class with noise, and the classes."""
    generator = np.random.default_rng(seed)
    numbers = generator.integers(0, 4, rows)
    meanings = np.eye(4)[numbers] * 3
    views = {
        name: 5
        + meanings @ np.random.default_rng(size).standard_normal((4, size))
        + generator.standard_normal((rows, size))
        for name, size in (("picture", 12), ("words", 9))
    }
    return views, Labels.from_lists([[int(number)] for number in numbers])


@pytest.mark.parametrize("method", FITS)
def test_codes_of_both_kinds_are_close_where_the_class_is_the_same(method, tmp_path):
    views, labels = two_kinds()
    FITS[method](views, 8, labels).save(str(tmp_path))
    hasher = Hasher.load(str(tmp_path))
    assert list(hasher.modalities) == ["picture", "words"]
    assert hasher.provenance == {"method": method, "seed": 0, "rows": 400}
    pictures, words = (unpack(hasher.encode(views[name].astype(np.float32), name), 8) for name in views)
    distances, alike = (pictures[:, None] != words).sum(2), labels.values[:, None] == labels.values
    assert distances[alike].mean() < 0.8 * distances[~alike].mean()


def test_projections_of_cca_are_uncorrelated_and_agree_across_the_views():
    views, _ = two_kinds()
    hasher = cca.fit(views, 8)
    first, second = (hasher.project(views[name].astype(np.float32), name) for name in views)
    assert np.abs(np.cov(first.T) - np.eye(8)).max() < 0.05
    across = first.T @ second / len(first)
    assert np.abs(across - np.diag(np.diag(across))).max() < 0.05
    assert (np.diff(np.diag(across)) < 1e-6).all()


def test_directions_of_cm_ssh_maximise_the_weighted_agreement():
    generator = np.random.default_rng(0)
    first, second, gains = (
        generator.standard_normal((50, 5)),
        generator.standard_normal((50, 4)),
        generator.standard_normal(50),
    )

    def agreement(p, q):
        return float((gains * (first @ p) * (second @ q)).sum())

    p, q = agreeing_directions(first, second, gains)
    assert np.linalg.norm(p) == pytest.approx(1) and np.linalg.norm(q) == pytest.approx(1)
    for _ in range(300):
        other_p, other_q = generator.standard_normal(5), generator.standard_normal(4)
        assert agreement(p, q) > agreement(other_p / np.linalg.norm(other_p), other_q / np.linalg.norm(other_q))


def test_thresholds_of_cm_ssh_are_the_best_of_all_pairs_of_quantiles():
    generator = np.random.default_rng(1)
    u, v, gains = generator.standard_normal((3, 80))
    a, b = best_thresholds(u, v, gains)
    shares = np.arange(1, cm_ssh.QUANTILES + 1) / (cm_ssh.QUANTILES + 1)

    def agreement(a, b):
        return float((gains * np.where(u + a > 0, 1, -1) * np.where(v + b > 0, 1, -1)).sum())

    tried = max(agreement(-x, -y) for x in np.quantile(u, shares) for y in np.quantile(v, shares))
    assert agreement(a, b) == pytest.approx(tried)


@pytest.mark.parametrize("method", FITS)
def test_views_that_do_not_fit_each_other_are_refused(method):
    views, labels = two_kinds()
    with pytest.raises(InvalidInputError, match="views are picture; give two modalities"):
        FITS[method]({"picture": views["picture"]}, 8, labels)
    with pytest.raises(InvalidInputError, match="picture has 400 rows but words 399"):
        FITS[method]({**views, "words": views["words"][:-1]}, 8, labels)
    with pytest.raises(InvalidInputError, match="code_length=10 exceeds the 9 dimensions"):
        cca.fit(views, 10)
