"""SparseHash's Figure 3, of drawn codes: figures equal their definition, and the points are drawn."""

import numpy as np
import pytest

from hashcore.codes import pack, pack_ternary
from jobs.research.papers import tradeoff
from jobs.research.papers.tradeoff import Learned


@pytest.mark.parametrize("kind", ["ternary", "dense"])
def test_points_are_those_of_the_definition_and_drawn(tmp_path, kind):
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 4, 420).astype(np.int32)
    values = rng.choice([-1, 0, 1], (4, 48), p=[0.1, 0.8, 0.1])[classes]
    values[:, :2] = rng.choice([-1, 0, 1], (420, 2))
    bits = np.concatenate([values > 0, values < 0], axis=1) if kind == "ternary" else values > 0
    codes = pack_ternary(values) if kind == "ternary" else pack(bits)
    found = list(
        tradeoff.points("ITQ", Learned(kind, bits.shape[1], codes[20:], codes[:20], classes[20:], classes[:20]))
    )
    distance = (bits[:20, None] != bits[None, 20:]).sum(axis=2)
    relevant = classes[:20, None] == classes[None, 20:]
    assert [point.radius for point in found] == [0, 1, 2]
    for point in found:
        within = distance <= point.radius
        assert point.neighbors == pytest.approx(within.sum(axis=1).mean()) and point.neighbors > 0
        assert point.recall == pytest.approx(((within & relevant).sum(axis=1) / relevant.sum(axis=1)).mean())
        assert point.items.seconds > 0 and point.distinct.dense_seconds > 0
        assert point.line().count("|") == 14
    tradeoff.draw(found, tmp_path / "points.svg")
    assert "<svg" in (tmp_path / "points.svg").read_text()
