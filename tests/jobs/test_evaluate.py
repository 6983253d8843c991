"""Global figures equal those of one brute-force pass, whatever the shards, the order of rows, blocks or the runner."""

import json
import os
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

import indexer
from hashcore import measures
from hashcore.codes import pack
from hashcore.errors import ConfigError, InvalidInputError, OutputError, TaskError
from hashcore.labels import Labels
from jobs import evaluate
from jobs.config.pipeline import Pipeline
from jobs.config.sections.evaluate import EvaluateConfig
from jobs.engine.spark_engine import SparkEngine
from jobs.evaluation import distinct, tally, totals
from jobs.evaluation.distinct import count_part, part_of
from jobs.stages import codes_directory

LENGTH = 24
ITEMS, QUERIES, CLASSES = 300, 41, 4


def rows(count, seed, first_id=0):
    """Codes that lie near one centre per class, many of them alike; ids in no order."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(1).integers(0, 2, (CLASSES, LENGTH))
    classes = rng.integers(0, CLASSES, count)
    bits = centres[classes] ^ (rng.random((count, LENGTH)) < 0.12)
    ids = first_id + 7 * rng.permutation(count)
    return ids.astype(np.int64), pack(bits), [[int(label)] for label in classes]


def write_queries(pipeline, ids, packed, labels, fingerprint="3f9c", code_length=LENGTH):
    path = pipeline.paths.codes_queries
    os.makedirs(f"{path}/data", exist_ok=True)
    table = {"id": ids, "code": codes_directory.codes_to_arrow(packed)}
    if labels is not None:
        table["labels"] = Labels.from_lists(labels).to_arrow()
    pq.write_table(pa.table(table), f"{path}/data/part-0.parquet")
    info = codes_directory.CodesInfo(
        code_length=code_length, kind="dense", hasher_fingerprint=fingerprint, modality="image", rows=len(ids)
    )
    codes_directory.write_info(path, info)


def make(root, *, order=np.arange, rows_per_shard=1 << 20, items=None, queries=None, **config):
    """A pipeline with an index and encoded queries, rows of both in the given order."""
    pipeline = Pipeline(name="test", root=str(root), evaluate=EvaluateConfig(**{"knn": (1, 7), **config}))
    ids, packed, labels = items or rows(ITEMS, 2)
    chosen = order(len(ids))
    indexer.build(
        pipeline.paths.index,
        ids[chosen],
        packed[chosen],
        code_length=8 * packed.shape[1],
        labels=None if labels is None else Labels.from_lists(labels).take(chosen),
        rows_per_shard=rows_per_shard,
    )
    ids, packed, labels = queries or rows(QUERIES, 3, first_id=10**6)
    chosen = order(len(ids))
    write_queries(pipeline, ids[chosen], packed[chosen], [labels[i] for i in chosen])
    return pipeline


def comparable(metrics):
    """Everything that must not depend on how the work was divided."""
    return metrics.model_copy(update={"setting": metrics.setting.model_copy(update={"index_generation": 0})})


def brute_counts(items, queries):
    """Counts at each distance, of all items and of those with a common label, by comparing every pair."""
    counts = np.zeros((2, len(queries[0]), LENGTH + 1), np.int64)
    for q, (code, labels) in enumerate(zip(queries[1], queries[2], strict=True)):
        for item, item_labels in zip(items[1], items[2], strict=True):
            distance = int(np.bitwise_count(code ^ item).sum())
            counts[0, q, distance] += 1
            counts[1, q, distance] += bool(set(labels) & set(item_labels))
    return counts


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


@pytest.mark.parametrize("rows_per_shard", [1000, 100, 37])
@pytest.mark.parametrize("order", [np.arange, lambda n: np.random.default_rng(9).permutation(n)])
def test_nothing_changes_with_shards_or_the_order_of_rows(tmp_path, rows_per_shard, order):
    reference = evaluate.evaluate(make(tmp_path / "reference"))
    other = evaluate.evaluate(make(tmp_path / "other", rows_per_shard=rows_per_shard, order=order))
    assert comparable(other) == comparable(reference)


def test_nothing_changes_with_groups_and_blocks(tmp_path, monkeypatch):
    pipeline = make(tmp_path, rows_per_shard=37)
    reference = evaluate.evaluate(pipeline)
    monkeypatch.setattr(evaluate, "MAX_GROUPS", 2)
    monkeypatch.setattr(distinct, "PART_BYTES", 100)
    monkeypatch.setattr(tally, "IDS_AT_ONCE", 10)
    assert evaluate.evaluate(pipeline) == reference
    monkeypatch.setattr(evaluate, "BLOCK_BYTES", 16 * 40 * 3)
    blocked = evaluate.evaluate(pipeline)
    assert blocked.figures == reference.figures
    assert blocked.examples == reference.examples
    assert blocked.curves.precision == pytest.approx(reference.curves.precision, abs=1e-12)


def test_spark_gives_what_one_process_gives_and_writes_it_once(tmp_path, spark, capsys):
    pipeline = make(tmp_path, rows_per_shard=100)
    assert evaluate.run(pipeline) == evaluate.evaluate(pipeline)
    written = os.stat(pipeline.paths.metrics).st_mtime_ns
    assert "mAP" in capsys.readouterr().out
    evaluate.run(pipeline)
    assert os.stat(pipeline.paths.metrics).st_mtime_ns == written
    make(tmp_path, items=rows(ITEMS, 8))  # a new generation of the index
    with pytest.raises(OutputError, match="different input index"):
        evaluate.run(pipeline)


@pytest.mark.parametrize("end", [KeyboardInterrupt, TaskError])
def test_an_evaluation_that_ended_early_counts_nothing_twice(tmp_path, monkeypatch, spark, end):
    pipeline = make(tmp_path, rows_per_shard=100)
    reference = evaluate.evaluate(pipeline)
    monkeypatch.setattr(SparkEngine, "map_tasks", lambda _, function, tasks, label: [*map(function, tasks)])
    monkeypatch.setattr(evaluate, "BLOCK_BYTES", 16 * 40 * 15)
    counted = []

    def count(task, last=99):
        if len(counted) == last:
            raise end("enough")
        counted.append((task.queries.content(), task.shards))
        return tally.tally(task)

    monkeypatch.setattr(totals, "tally", partial(count, last=5))
    with pytest.raises(end):
        evaluate.run(pipeline)
    assert not os.path.exists(pipeline.paths.metrics)
    monkeypatch.setattr(totals, "tally", count)
    assert evaluate.run(pipeline).figures == reference.figures
    assert len(counted) == len(set(counted)) == 3 * 3
    assert sorted(os.listdir(tmp_path)) == ["codes", "index", "metrics.hashcore.json", "metrics.json", "runs"]


def test_what_was_counted_for_others_is_counted_again(tmp_path, monkeypatch, spark):
    monkeypatch.setattr(SparkEngine, "map_tasks", lambda _, function, tasks, label: [*map(function, tasks)])
    monkeypatch.setattr(evaluate, "figures", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        evaluate.run(make(tmp_path, rows_per_shard=100))
    monkeypatch.undo()
    pipeline = make(tmp_path, rows_per_shard=100, items=rows(ITEMS, 8))
    assert evaluate.run(pipeline) == evaluate.evaluate(pipeline)


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


def test_few_distinct_codes_are_the_first_thing_that_is_said(tmp_path):
    ids, packed, labels = rows(ITEMS, 2)
    found = evaluate.evaluate(make(tmp_path, items=(ids, np.repeat(packed[:1], ITEMS, axis=0), labels)))
    assert found.summary().startswith("note: 300 items have only 1 distinct code, 0.33 % (under 5 %): items of one")


def test_examples_show_the_nearest_items_and_the_worst_queries(tmp_path):
    items, queries = rows(ITEMS, 2), rows(QUERIES, 3, first_id=10**6)
    found = evaluate.evaluate(make(tmp_path, rows_per_shard=64, examples=3, neighbors=4))
    precision = dict(zip(queries[0].tolist(), measures.average_precision(*brute_counts(items, queries)), strict=True))
    worst = [example.id for example in found.examples if example.chosen == "worst"]
    assert worst == sorted(precision, key=precision.get)[:3]
    assert [example.chosen for example in found.examples] == ["random"] * 3 + ["worst"] * 3
    label_of = dict(zip(items[0].tolist(), (row[0] for row in items[2]), strict=True))
    for example in found.examples:
        code = queries[1][queries[0] == example.id][0]
        distances = np.bitwise_count(items[1] ^ code).sum(axis=1)
        nearest = np.lexsort((items[0], distances))[:4]
        assert [shown.id for shown in example.neighbors] == items[0][nearest].tolist()
        assert [shown.distance for shown in example.neighbors] == distances[nearest].tolist()
        assert [shown.label for shown in example.neighbors] == [label_of[shown.id] for shown in example.neighbors]
        assert [shown.relevant for shown in example.neighbors] == [s.label in example.labels for s in example.neighbors]


def test_parts_of_the_distinct_codes_are_disjoint_and_complete(tmp_path, spark):
    pipeline = make(tmp_path, rows_per_shard=37)
    packed = np.unique(rows(ITEMS, 2)[1], axis=0)
    parts = part_of(packed, 5)
    assert set(parts.tolist()) == set(range(5))
    index = indexer.open(pipeline.paths.index)
    tasks = [distinct.Part(pipeline.paths.index, index.generation, part, 5) for part in range(5)]
    assert SparkEngine(spark).map_tasks(count_part, tasks) == [int((parts == part).sum()) for part in range(5)]


def test_a_code_whose_items_are_all_deleted_is_counted_no_more(tmp_path):
    ids, packed, labels = rows(ITEMS, 2)
    gone = ids[(packed == packed[0]).all(axis=1)]
    pipeline = make(tmp_path, items=(ids, packed, labels))
    before = evaluate.evaluate(pipeline).setting.distinct_codes
    indexer.open(pipeline.paths.index).delete(gone)
    assert evaluate.evaluate(pipeline).setting.distinct_codes == before - 1


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
