"""What a hasher has learned is counted pair by pair; few codes are a failure only where they tell nothing apart."""

from __future__ import annotations

import numpy as np
import pytest

from hashcore.codes import pack
from hashcore.hashers.outcome import Outcome, measure, ordered
from hashcore.labels import Labels


def draw(rows, code_length, classes, seed=0):
    rng = np.random.default_rng(seed)
    labels = [sorted(set(rng.integers(0, classes, rng.integers(0, 3)).tolist())) for _ in range(rows)]
    return pack(rng.integers(0, 2, (rows, code_length))), labels


@pytest.mark.parametrize("code_length", [8, 13])
def test_the_order_of_similar_and_dissimilar_items_is_that_of_all_comparisons(code_length):
    database, labels = draw(40, code_length, 4)
    queries, _ = draw(40, code_length, 4, seed=1)
    shares = []
    for query in range(40):
        distances = np.bitwise_count(database ^ queries[query]).sum(axis=1)
        alike = [bool(set(labels[item]) & set(labels[query])) for item in range(40)]
        pairs = [
            (distances[item] < distances[other]) + (distances[item] == distances[other]) / 2
            for item in range(40)
            for other in range(40)
            if alike[item] and not alike[other] and query not in (item, other)
        ]
        shares += [np.mean(pairs)] if pairs else []
    found = ordered(database, queries, code_length, Labels.from_lists(labels))
    assert len(shares) > 10 and found == pytest.approx(np.mean(shares), abs=1e-12)


def test_chance_orders_half_and_a_perfect_hasher_all():
    classes = np.arange(200) % 5
    labels = Labels.from_lists([[int(label)] for label in classes])
    perfect = pack(np.eye(5, dtype=int)[classes].repeat(4, axis=1))
    same = np.zeros_like(perfect)
    assert ordered(perfect, perfect, 20, labels) == 1
    assert ordered(same, same, 20, labels) == 0.5
    assert ordered(same, same, 20, Labels.from_lists([[1]] * 200)) is None
    found = measure({"image": perfect}, {"image": 200}, 20, labels)
    assert found.model_dump() == {
        "items": 200,
        "distinct_items": 200,
        "distinct_codes": 5,
        "constant_bits": 0,
        "code_length": 20,
        "labels": 5,
        "ordered": 1.0,
    }
    assert found.has_few_codes and not found.is_collapsed  # five codes are all that five classes need
    assert measure({"image": same}, {"image": 200}, 20, labels).is_collapsed
    assert "1 distinct codes" in measure({"image": same}, {"image": 200}, 20, labels).told()


def outcome(**changed):
    values = {"items": 600, "distinct_items": 600, "distinct_codes": 30, "constant_bits": 0, "code_length": 64}
    return Outcome.model_validate(values | changed)


@pytest.mark.parametrize(
    ("changed", "is_collapsed"),
    [
        ({"distinct_codes": 31, "constant_bits": 64}, False),
        ({"constant_bits": 1}, True),
        ({"constant_bits": 0}, False),  # tight groups of items, all told apart
        ({"labels": 30, "ordered": 0.9, "constant_bits": 9}, False),
        ({"labels": 31, "ordered": 0.9}, True),
        ({"labels": 10, "ordered": 0.54}, True),
        ({"labels": 10, "ordered": 0.54, "distinct_codes": 500}, False),  # learned nothing, but no two codes alike
        ({"distinct_items": 1, "distinct_codes": 1, "constant_bits": 64}, False),
        ({"distinct_items": 2, "distinct_codes": 1, "constant_bits": 64}, True),
        ({"code_length": 8, "distinct_codes": 12, "constant_bits": 1}, True),
        ({"code_length": 8, "distinct_codes": 13, "constant_bits": 1}, False),
    ],
)
def test_a_hasher_has_collapsed_if_its_few_codes_tell_no_labels_apart(changed, is_collapsed):
    assert outcome(**changed).is_collapsed == is_collapsed


def test_of_several_modalities_the_worst_is_told():
    good, _ = draw(100, 16, 2)
    labels = Labels.from_lists([[row % 2] for row in range(100)])
    found = measure({"a": good, "b": np.zeros_like(good)}, {"a": 100, "b": 90}, 16, labels)
    assert (found.distinct_codes, found.distinct_items, found.constant_bits, found.ordered) == (1, 90, 16, 0.5)
