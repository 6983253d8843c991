"""The measures of the papers' tables against explicit loops."""

from __future__ import annotations

import numpy as np
import pytest

from hashcore.asymmetric import asymmetric_distances, bit_scale
from hashcore.codes import pack
from hashcore.errors import InvalidInputError
from hashcore.evaluation.measure import Measure, parse_as
from hashcore.evaluation.ranking import rank

GENERATOR = np.random.default_rng(0)
BITS = GENERATOR.integers(0, 2, (40, 8))
ASKED = GENERATOR.integers(0, 2, (9, 8))
CLASSES, ASKED_CLASSES = (GENERATOR.integers(1, 4, size).astype(np.int32) for size in (40, 9))
DISTANCES = (ASKED[:, None] != BITS).sum(2)
RELEVANT = ASKED_CLASSES[:, None] == CLASSES


def ranked():
    return rank(pack(BITS), pack(ASKED), 8, CLASSES, ASKED_CLASSES)


def test_neighbors_and_distinct_codes_are_counted():
    assert parse_as(Measure, "neighbors(r<=2)").of(ranked()).mean == pytest.approx(1 + (DISTANCES <= 2).sum(1).mean())
    assert parse_as(Measure, "distinct codes").of(ranked()).mean == len(
        {tuple(bits) for bits in np.concatenate([BITS, ASKED])}
    )


def test_f1_of_means_is_the_harmonic_mean_of_mean_precision_and_mean_recall():
    within = DISTANCES <= 2
    precision = np.mean([RELEVANT[i, row].mean() if row.any() else 0 for i, row in enumerate(within)])
    recall = np.mean([(RELEVANT[i] & row).sum() / RELEVANT[i].sum() for i, row in enumerate(within)])
    found = parse_as(Measure, "F1 of means(r<=2)").of(ranked()).mean
    assert found == pytest.approx(2 * precision * recall / (precision + recall))
    assert parse_as(Measure, "P(r<=2)").of(ranked()).mean == pytest.approx(precision)


def test_a_measure_of_the_ranking_has_the_bounds_of_its_ties():
    value = parse_as(Measure, "mAP").of(ranked())

    def average(order_of_ties):
        values = []
        for i in range(len(ASKED)):
            order = np.lexsort((order_of_ties * RELEVANT[i], DISTANCES[i]))
            ranks = np.flatnonzero(RELEVANT[i, order]) + 1
            values.append(np.mean(np.arange(1, len(ranks) + 1) / ranks))
        return np.mean(values)

    assert value.ties == pytest.approx((average(-1) - average(1)) / 2)
    assert average(1) < value.mean < average(-1)
    assert parse_as(Measure, "P(r<=0)").of(ranked()).ties == 0


def test_the_vote_of_the_nearest_counts_wrong_classes():
    order = np.argsort(DISTANCES, axis=1, kind="stable")[:, 0]
    assert parse_as(Measure, "kNN error@1").of(ranked()).mean == pytest.approx((CLASSES[order] != ASKED_CLASSES).mean())


def test_the_asymmetric_vote_ranks_by_the_queries_projections():
    projections = BITS * 2.0 - 1, (ASKED * 2.0 - 1) * np.random.default_rng(1).uniform(0.1, 3, ASKED.shape)
    scale = bit_scale(projections[0])
    order = [asymmetric_distances(ranked().database, query, scale=scale).argmin() for query in projections[1]]
    known = ranked()._replace(projections=projections)
    assert parse_as(Measure, "AH kNN error@1").of(known).mean == pytest.approx((CLASSES[order] != ASKED_CLASSES).mean())
    with pytest.raises(InvalidInputError, match="needs the queries' projections"):
        parse_as(Measure, "AH kNN error@1").of(ranked())


def test_unknown_measures_are_refused():
    with pytest.raises(InvalidInputError, match="measure 'neighbors' is unknown"):
        parse_as(Measure, "neighbors")
