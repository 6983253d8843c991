"""Divisions of a data set: queries are in neither of the other parts, and the words say what was done."""

from __future__ import annotations

import numpy as np
import pytest

from hashcore.errors import ConfigError
from jobs.research.papers.splits import PerClass, Standard

CLASSES = np.repeat(np.arange(4, dtype=np.int32), 25)
IS_TEST = np.arange(100) % 5 == 0


def test_each_class_gives_equally_many_queries_and_training_rows():
    split = PerClass(queries=3, train=6, seed=1).divide(CLASSES, IS_TEST)
    assert np.bincount(CLASSES[split.queries]).tolist() == [3] * 4
    assert np.bincount(CLASSES[split.train]).tolist() == [6] * 4
    assert sorted([*split.database, *split.queries]) == list(range(100))
    assert set(split.train) < set(split.database)


def test_the_whole_database_is_learned_from_where_no_number_is_given():
    split = PerClass(queries=3).divide(CLASSES, IS_TEST)
    assert np.array_equal(split.train, split.database)
    words = PerClass(queries=3).describe(split)
    assert words == "12 queries, 3 a class at random; database the other 88; learned from the whole database"


def test_the_seed_decides_the_queries():
    first, again, other = (PerClass(queries=3, seed=seed).divide(CLASSES, IS_TEST).queries for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_class_that_is_too_small_is_refused():
    with pytest.raises(ConfigError, match="a class has fewer than 27 items"):
        PerClass(queries=20, train=7).divide(CLASSES, IS_TEST)


def test_the_standard_division_asks_test_items_or_training_items():
    asked = Standard(train=30).divide(CLASSES, IS_TEST)
    assert np.array_equal(asked.queries, np.flatnonzero(IS_TEST))
    assert np.array_equal(asked.train, np.flatnonzero(~IS_TEST)[:30])
    assert np.array_equal(asked.database, asked.train)
    turned = Standard(asks="train").divide(CLASSES, IS_TEST)
    assert np.array_equal(turned.database, np.flatnonzero(IS_TEST))
    assert np.array_equal(turned.queries, turned.train)
    assert Standard(asks="train").describe(turned).startswith("80 training items learned from and asked; database 20")
