"""Queries that are items of the database: left out of their own rankings, or told."""

import numpy as np
import pytest
from evaluated_codes import ITEMS, LENGTH, make, rows

import indexer
from hashcore import measures
from hashcore.codes import pack
from hashcore.errors import ConfigError
from jobs import evaluate
from jobs.config.pipeline import Pipeline


def among_the_items(tmp_path, *, deleted=(), **config):
    """A pipeline whose queries are items of the database but for the last, and both without the deleted items."""
    items, strange = rows(ITEMS, 2), rows(1, 3, first_id=10**6)
    asked = np.r_[5:45]
    queries = (
        np.r_[items[0][asked], strange[0]],
        np.concatenate([items[1][asked], strange[1]]),
        [items[2][row] for row in asked] + strange[2],
    )
    pipeline = make(tmp_path, queries=queries, **config)
    if len(deleted):
        indexer.open(pipeline.paths.index).delete(items[0][list(deleted)])
    kept = np.setdiff1d(np.arange(ITEMS), deleted)
    return pipeline, (items[0][kept], items[1][kept], [items[2][row] for row in kept]), queries


@pytest.mark.parametrize("rows_per_shard", [1000, 37])
@pytest.mark.parametrize("deleted", [(), (5, 7, 8, 200)])
def test_a_query_is_left_out_of_its_own_ranking_by_its_id_alone(tmp_path, rows_per_shard, deleted):
    config = {"rows_per_shard": rows_per_shard, "exclude_self": True, "neighbors": 4, "examples": 50}
    pipeline, items, queries = among_the_items(tmp_path, deleted=deleted, **config)
    found = evaluate.evaluate(pipeline)
    counts, wrong, nearest = np.zeros((2, len(queries[0]), LENGTH + 1), np.int64), {1: 0, 7: 0}, {}
    for q, (id_, code, labels) in enumerate(zip(*queries, strict=True)):
        others = np.flatnonzero(items[0] != id_)
        distances = np.bitwise_count(items[1][others] ^ code).sum(axis=1)
        for row, distance in zip(others, distances, strict=True):
            counts[0, q, distance] += 1
            counts[1, q, distance] += items[2][row] == labels
        ranked = others[np.lexsort((items[0][others], distances))]
        nearest[int(id_)] = items[0][ranked[:4]].tolist()
        for k in wrong:
            voters = [items[2][row][0] for row in ranked[:k]]
            wrong[k] += max(voters, key=voters.count) != labels[0]
    assert found.figures["mAP"].value == pytest.approx(measures.average_precision(*counts).mean(), abs=1e-12)
    assert found.figures["mAP"].best == pytest.approx(measures.average_precision(*counts, "best").mean(), abs=1e-12)
    assert found.figures["P@10"].value == pytest.approx(measures.precision_at(*counts, 10).mean(), abs=1e-12)
    assert found.figures["R(r<=2)"].value == pytest.approx(measures.recall_within(*counts, 2).mean(), abs=1e-12)
    assert {k: found.figures[f"kNN error@{k}"].value * len(queries[0]) for k in wrong} == pytest.approx(wrong)
    assert found.curves.relevant_pairs == counts[1].sum(axis=0).tolist()
    assert found.curves.ks[-1] == len(items[0]) - 1
    assert {each.id: [shown.id for shown in each.neighbors] for each in found.examples} == nearest
    among = 40 - sum(row in range(5, 45) for row in deleted)
    assert found.setting.queries_in_database == among
    assert found.notes == [f"{among} of 41 queries have the id of an item, which was left out of their rankings"]


def test_queries_that_find_themselves_are_told_with_what_leaves_them_out(tmp_path, spark, capsys):
    pipeline, _, _ = among_the_items(tmp_path, rows_per_shard=100)
    found = evaluate.run(pipeline)
    other = f"{tmp_path}/metrics-exclude-self.json"
    said = "40 of 41 queries have the id of an item and find themselves; if they are these items, "
    assert found.notes == [f"{said}evaluate.exclude_self=true leaves them out"]
    out = capsys.readouterr().out
    assert f"note: {said}" in out
    assert f"evaluate without themselves: --set evaluate.exclude_self=true --set paths.metrics={other}\n" in out
    values = pipeline.model_dump()
    values["evaluate"]["exclude_self"] = True
    values["paths"]["metrics"] = other
    again = evaluate.run(Pipeline.model_validate(values))
    assert again.figures["mAP"].value < found.figures["mAP"].value
    assert evaluate.evaluate(make(tmp_path / "apart")).notes == []


def test_labels_at_random_are_not_told_apart_by_queries_that_are_the_items(tmp_path):
    rng = np.random.default_rng(4)
    packed, labels = pack(rng.integers(0, 2, (ITEMS, LENGTH))), [[int(label)] for label in rng.integers(0, 2, ITEMS)]
    everything = (np.arange(ITEMS), packed, labels)
    with_self = evaluate.evaluate(make(tmp_path / "a", items=everything, queries=everything))
    without = evaluate.evaluate(make(tmp_path / "b", items=everything, queries=everything, exclude_self=True))
    assert with_self.figures["kNN error@1"].value == 0
    assert without.figures["kNN error@1"].value == pytest.approx(0.5, abs=0.1)
    with pytest.raises(ConfigError, match="k=300 exceeds the 299 codes in the index but the query's own; use k <= 299"):
        evaluate.evaluate(make(tmp_path / "c", items=everything, queries=everything, exclude_self=True, knn=(300,)))
