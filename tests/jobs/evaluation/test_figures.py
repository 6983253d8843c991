"""Global figures equal those of one brute-force pass, and each carries its protocol."""

import json

import numpy as np
import pytest
from evaluated_codes import ITEMS, LENGTH, QUERIES, brute_counts, make, rows, write_queries
from pydantic import ValidationError

from hashcore import measures
from hashcore.errors import ConfigError, InvalidInputError
from jobs import evaluate
from jobs.config.sections.evaluate import EvaluateConfig


def test_where_a_radius_answers_hardly_a_query_the_least_that_answers_half_is_shown_too(tmp_path):
    wanted = ["P(r<=0)", "mAP", "F1(r<=0)"]
    found = evaluate.evaluate(make(tmp_path, rows_per_shard=64, measures=wanted, knn=()))
    answered = found.curves.answered
    radius = next(number for number, share in enumerate(answered) if share >= 0.5)
    assert answered[0] < 0.5 and radius > 0
    assert list(found.figures) == [*wanted, f"P(r<={radius})", f"F1(r<={radius})"]
    asked = evaluate.evaluate(make(tmp_path / "asked", measures=list(found.figures), knn=()))
    assert asked.figures.keys() == found.figures.keys()
    for name, figure in found.figures.items():
        assert figure.value == pytest.approx(asked.figures[name].value, abs=1e-12)
        numbers = dict.fromkeys(("value", "best", "worst"))
        assert figure.model_copy(update=numbers) == asked.figures[name].model_copy(update=numbers)


def test_figures_equal_those_of_a_brute_force_pass(tmp_path):
    items, queries = rows(ITEMS, 2), rows(QUERIES, 3, first_id=10**6)
    found = evaluate.evaluate(make(tmp_path, rows_per_shard=64))
    counts = brute_counts(items, queries)
    for name, expected in {
        "mAP": measures.average_precision(*counts),
        "mAP@1000/retrieved": measures.average_precision(*counts, cutoff=1000),
        "P@10": measures.precision_at(*counts, 10),
        "P(r<=2)": measures.precision_within(*counts, 2),
        "R(r<=2)": measures.recall_within(*counts, 2),
        "F1(r<=2)": measures.f1_within(*counts, 2),
    }.items():
        assert found.figures[name].value == pytest.approx(expected.mean(), abs=1e-12)
    assert found.figures["mAP"].best == pytest.approx(measures.average_precision(*counts, "best").mean(), abs=1e-12)
    assert found.figures["mAP"].worst == pytest.approx(measures.average_precision(*counts, "worst").mean(), abs=1e-12)
    assert 0.3 < found.figures["mAP"].worst < found.figures["mAP"].value < found.figures["mAP"].best < 1
    assert found.curves.relevant_pairs == counts[1].sum(axis=0).tolist()
    assert found.curves.irrelevant_pairs == (counts[0] - counts[1]).sum(axis=0).tolist()
    assert found.curves.neighbors == pytest.approx(np.cumsum(counts[0].mean(axis=0)).tolist())
    assert found.curves.precision[2] == pytest.approx(found.figures["P(r<=2)"].value)
    assert found.curves.recall[-1] == 1
    assert found.curves.ks[-1] == ITEMS
    assert found.setting.distinct_codes == len(np.unique(items[1], axis=0)) < ITEMS


def test_votes_equal_a_count_over_sorted_neighbors(tmp_path):
    items, queries = rows(ITEMS, 2), rows(QUERIES, 3, first_id=10**6)
    found = evaluate.evaluate(make(tmp_path, rows_per_shard=64))
    for k in (1, 7):
        wrong = 0
        for code, labels in zip(queries[1], queries[2], strict=True):
            distances = np.bitwise_count(items[1] ^ code).sum(axis=1)
            voters = [items[2][i][0] for i in np.lexsort((items[0], distances))[:k]]
            wrong += max(voters, key=voters.count) != labels[0]
        assert found.figures[f"kNN error@{k}"].value == wrong / QUERIES
    assert found.figures["kNN error@1"].value > 0


def test_every_figure_carries_its_protocol(tmp_path):
    found = json.loads(
        evaluate.evaluate(make(tmp_path, measures=("mAP", "mAP@5/retrieved", "P(r<=3)"))).model_dump_json()
    )
    assert list(found["figures"]) == ["mAP", "mAP@5/retrieved", "P(r<=3)", "kNN error@1", "kNN error@7"]
    for figure in found["figures"].values():
        assert figure["queries"] + figure["left_out"] == QUERIES
        assert figure["database_size"] == ITEMS
        assert figure["code_length"] == LENGTH
        assert figure["ties"]
        assert figure["denominator"]
        assert figure["without_relevant"]


def test_queries_without_relevant_items_are_counted_and_treated_as_each_figure_says(tmp_path):
    ids, packed, labels = rows(QUERIES, 3, first_id=10**6)
    labels[5] = [99]
    labels[6] = []
    found = evaluate.evaluate(make(tmp_path, queries=(ids, packed, labels)))
    assert found.setting.queries_without_relevant == 2
    assert (found.figures["mAP"].queries, found.figures["mAP"].left_out) == (QUERIES - 2, 2)
    assert (found.figures["P@10"].queries, found.figures["P@10"].left_out) == (QUERIES, 0)
    assert found.notes == ["no k-NN error: a query or an item has not exactly one label"]


def test_figures_of_queries_that_are_all_without_relevant_items_are_none(tmp_path):
    ids, packed, _ = rows(QUERIES, 3, first_id=10**6)
    found = evaluate.evaluate(make(tmp_path, queries=(ids, packed, [[]] * QUERIES)))
    assert found.setting.queries_without_relevant == QUERIES
    assert found.figures["mAP"].value is None
    assert found.figures["P@10"].value == 0
    assert found.curves.recall == [None] * (LENGTH + 1)
    assert [example.chosen for example in found.examples] == ["random"] * 6
    assert "not defined" in found.summary()


def test_several_labels_make_relevance_but_no_vote(tmp_path):
    ids, packed, labels = rows(ITEMS, 2)
    labels = [[*row, 10 + i % 3, 20 + i % 80] for i, row in enumerate(labels)]  # more than 64 labels: two words of mask
    query_ids, query_codes, _ = rows(QUERIES, 3, first_id=10**6)
    query_labels = [[10, 20 + i] for i in range(QUERIES)]
    items, queries = (ids, packed, labels), (query_ids, query_codes, query_labels)
    found = evaluate.evaluate(make(tmp_path, items=items, queries=queries))
    counts = brute_counts(items, queries)
    assert found.figures["mAP"].value == pytest.approx(measures.average_precision(*counts).mean(), abs=1e-12)
    assert [name for name in found.figures if name.startswith("kNN")] == []
    assert len(found.notes) == 1


def test_what_cannot_be_evaluated_is_refused_in_one_line(tmp_path):
    pipeline = make(tmp_path / "queries")
    ids, packed, _ = rows(QUERIES, 3)
    write_queries(pipeline, ids, packed, None)
    with pytest.raises(InvalidInputError, match="the queries have no labels"):
        evaluate.evaluate(pipeline)
    write_queries(pipeline, ids, packed[:, :2], [[0]] * QUERIES, code_length=16)
    with pytest.raises(InvalidInputError, match=r"query codes have 16 bits .* but the index holds 24"):
        evaluate.evaluate(pipeline)
    unlabelled = make(tmp_path / "items", items=(*rows(ITEMS, 2)[:2], None))
    with pytest.raises(InvalidInputError, match="the index holds no labels"):
        evaluate.evaluate(unlabelled)
    with pytest.raises(ConfigError, match="k=301 exceeds the 300 codes in the index; use k <= 300"):
        evaluate.evaluate(make(tmp_path / "k", knn=(301,)))
    with pytest.raises(ConfigError, match="radius 25 exceeds the 24 bits"):
        evaluate.evaluate(make(tmp_path / "radius", measures=("P(r<=25)",)))


@pytest.mark.parametrize("config", [{"measures": ("map",)}, {"knn": (0,)}, {"examples": -1}, {"neighbor": 10}])
def test_a_configuration_that_says_nothing_sensible_is_refused(config):
    with pytest.raises(ValidationError):
        EvaluateConfig(**config)
