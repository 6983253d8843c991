"""The Euclidean ranking of the papers' tables against explicit loops."""

from __future__ import annotations

import numpy as np
import pytest

from hashcore.errors import InvalidInputError
from jobs.research.papers.euclidean import euclidean

GENERATOR = np.random.default_rng(0)
CLASSES, ASKED_CLASSES = (GENERATOR.integers(1, 4, size).astype(np.int32) for size in (40, 9))
RELEVANT = ASKED_CLASSES[:, None] == CLASSES


def test_a_euclidean_ranking_is_judged_by_its_order():
    items, asked = GENERATOR.standard_normal((40, 3)), GENERATOR.standard_normal((9, 3))
    values = []
    for i, query in enumerate(asked):
        relevant = RELEVANT[i, np.argsort(((items - query) ** 2).sum(1))]
        values.append(np.mean([relevant[: rank + 1].mean() for rank in np.flatnonzero(relevant)]))
    found = euclidean("mAP", items, asked, CLASSES, ASKED_CLASSES)
    assert found.mean == pytest.approx(np.mean(values))
    with pytest.raises(InvalidInputError, match="judged by mAP alone"):
        euclidean("P@10", items, asked, CLASSES, ASKED_CLASSES)
