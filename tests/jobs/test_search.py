"""Search on Spark: equal to the oracle however rows are divided, and refusing what does not fit."""

from __future__ import annotations

import os
from collections import Counter

import pyarrow.parquet as pq
import pytest
from indexed_codes import killed_after, make_both, pipeline
from oracle import CODE_LENGTHS, as_integers, ranking

import indexer
from hashcore.errors import CorruptIndexError, InvalidInputError
from jobs import index, search
from jobs.config.pipeline import Pipeline
from jobs.engine.spark_engine import SparkEngine
from jobs.stages import codes_directory


def elsewhere(given, name, queries_per_task=3, **question):
    """Return the pipeline with another question, whose answer goes to another place."""
    values = given.model_dump()
    values["paths"]["neighbors"] = f"{given.root}/{name}"
    return Pipeline.model_validate({**values, "search": {"queries_per_task": queries_per_task, **question}})


def expected(database, queries, *, k=None, radius=None):
    """Return all rows (query_id, distance, id) in order, by the definition."""
    answers = []
    items = as_integers(database.codes)
    for query_id, query in sorted(zip(queries.ids.tolist(), as_integers(queries.codes), strict=True)):
        near = ranking(database.ids.tolist(), items, query)
        near = near[:k] if k is not None else [pair for pair in near if pair[0] <= radius]
        answers += [(query_id, *pair) for pair in near]
    return answers


def found(path):
    """Return all rows (query_id, distance, id), sorted, after checking the promises on files."""
    rows, holders = [], Counter()
    for file in sorted(path.glob("*.parquet")):
        table = pq.read_table(file)
        assert [str(field) for field in table.schema.types] == ["int64", "int64", "int32"]
        held = list(zip(*(table.column(name).to_pylist() for name in ("query_id", "distance", "id")), strict=True))
        assert held == sorted(held)
        holders.update({query_id for query_id, _, _ in held})
        rows += held
    assert set(holders.values()) <= {1}
    return sorted(rows)


@pytest.mark.parametrize("code_length", CODE_LENGTHS)
def test_search_on_spark_equals_the_oracle(spark, tmp_path, code_length):
    database, queries = make_both(tmp_path, code_length)
    indexer.build(str(tmp_path / "index"), database.ids, database.codes, code_length=code_length, rows_per_shard=26)
    for name, question in (("nearest", {"k": 7}), ("within", {"radius": code_length // 4})):
        search.run(elsewhere(pipeline(tmp_path), name, queries_per_task=7, **question))
        assert found(tmp_path / name) == expected(database, queries, **question)


@pytest.mark.parametrize("code_length", CODE_LENGTHS)
def test_tasks_and_merge_equal_the_oracle_for_every_radius_and_k(in_process, tmp_path, code_length):
    database, queries = make_both(tmp_path, code_length)
    indexer.build(str(tmp_path / "index"), database.ids, database.codes, code_length=code_length, rows_per_shard=20)
    questions = [{"radius": r} for r in range(code_length + 1)] + [{"k": k} for k in range(1, len(database.ids) + 1)]
    for number, question in enumerate(questions):
        search.run(elsewhere(pipeline(tmp_path), f"answer-{number}", queries_per_task=4, **question))
        assert found(tmp_path / f"answer-{number}") == expected(database, queries, **question)


def test_shards_do_not_change_the_answer_and_keep_labels(spark, tmp_path):
    database, queries = make_both(tmp_path)
    for rows_per_shard, shards in ((51, 1), (50, 2), (7, 8)):
        asked = pipeline(tmp_path, rows_per_shard=rows_per_shard, k=10, queries_per_task=7)
        values = asked.model_dump()
        values["paths"] |= {"index": f"{tmp_path}/index-{shards}", "neighbors": f"{tmp_path}/neighbors-{shards}"}
        asked = Pipeline.model_validate(values)
        index.run(asked)
        search.run(asked)
        built = indexer.open(asked.paths.index)
        assert len(built.shards) == shards
        assert found(tmp_path / f"neighbors-{shards}") == expected(database, queries, k=10)
        labels = {
            int(item): built.open_shard(number).contents.labels().of(row).tolist()
            for number in range(shards)
            for row, item in enumerate(built.open_shard(number).contents.ids)
        }
        assert labels == {int(item): database.labels.of(row).tolist() for row, item in enumerate(database.ids)}


@pytest.mark.parametrize(("kind", "signatures"), [("sparse", False), ("ternary", True)])
def test_other_kinds_are_indexed_by_folds_and_searched_like_any(spark, in_process, tmp_path, kind, signatures):
    database, queries = make_both(tmp_path)
    for part in ("database", "queries"):
        info = codes_directory.read_info(str(tmp_path / "codes" / part))
        codes_directory.write_info(str(tmp_path / "codes" / part), info.model_copy(update={"kind": kind}))
    config = pipeline(tmp_path)
    index.run(config.model_copy(update={"index": config.index.model_copy(update={"signatures": signatures})}))
    built = indexer.open(str(tmp_path / "index"))
    layout = built.manifest.layout
    assert built.kind == kind and layout.folds and bool(layout.blocks) == signatures and not layout.substrings
    for name, question in (("nearest", {"k": 7}), ("within", {"radius": 20})):
        search.run(elsewhere(pipeline(tmp_path), name, **question))
        assert found(tmp_path / name) == expected(database, queries, **question)


def test_a_killed_search_is_finished_by_the_next_run(in_process, tmp_path, monkeypatch):
    database, queries = make_both(tmp_path)
    index.run(pipeline(tmp_path))
    ask = indexer.Shard.knn_search
    killed, asked = killed_after(ask, 4)
    monkeypatch.setattr("indexer.Shard.knn_search", killed)
    with pytest.raises(KeyboardInterrupt):
        search.run(pipeline(tmp_path, k=5))
    assert (len(asked), (tmp_path / "neighbors").exists()) == (4, False)
    resumed, asked = killed_after(ask, 99)
    monkeypatch.setattr("indexer.Shard.knn_search", resumed)
    search.run(pipeline(tmp_path, k=5))
    assert len(asked) == 3 * 3 - 4
    assert found(tmp_path / "neighbors") == expected(database, queries, k=5)
    assert sorted(os.listdir(tmp_path)) == ["codes", "index", "neighbors", "runs"]


def test_the_last_answer_to_a_block_merges_it_within_its_own_task(in_process, tmp_path, monkeypatch):
    make_both(tmp_path)
    index.run(pipeline(tmp_path))
    run, asked = SparkEngine.map_tasks, []
    monkeypatch.setattr(
        SparkEngine, "map_tasks", lambda s, f, tasks, label: asked.append(len(tasks)) or run(s, f, tasks, label)
    )
    search.run(pipeline(tmp_path, k=5))
    assert asked == [3 * 3, 0]


def test_blocks_whose_answers_were_listed_too_late_are_merged_at_the_end(in_process, tmp_path, monkeypatch):
    database, queries = make_both(tmp_path)
    index.run(pipeline(tmp_path))
    run, asked = SparkEngine.map_tasks, []

    def without_listing(engine, function, tasks, label):
        asked.append(len(tasks))
        with monkeypatch.context() as patch:
            if label == "search":
                patch.setattr("hashcore.storage.files.listing", lambda folder: [])
            return run(engine, function, tasks, label)

    monkeypatch.setattr(SparkEngine, "map_tasks", without_listing)
    search.run(pipeline(tmp_path, k=5))
    assert asked == [3 * 3, 3]
    assert found(tmp_path / "neighbors") == expected(database, queries, k=5)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({}, r"neither search\.k nor search\.radius"),
        ({"k": 52}, r"k=52: the index holds 51 codes"),
        ({"k": 0}, r"k=0: .*1 <= k <= 51"),
        ({"radius": -1}, r"radius=-1: codes have 64 bits"),
        ({"radius": 65}, r"radius=65: .*0 <= radius <= 64"),
    ],
)
def test_a_question_that_does_not_fit_is_refused_before_any_work(tmp_path, question, message):
    database, _ = make_both(tmp_path)
    indexer.build(str(tmp_path / "index"), database.ids, database.codes, code_length=64)
    with pytest.raises(InvalidInputError, match=message):
        search.run(pipeline(tmp_path, **question))
    assert sorted(os.listdir(tmp_path)) == ["codes", "index", "runs"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"code_length": 63}, "codes of 63 bits but the index holds 64"),
        ({"hasher_fingerprint": "g"}, "encoded by hasher g but the index by f"),
    ],
)
def test_queries_of_another_hasher_are_refused(in_process, tmp_path, change, message):
    make_both(tmp_path)
    index.run(pipeline(tmp_path))
    path = str(tmp_path / "codes" / "queries")
    codes_directory.write_info(path, codes_directory.read_info(path).model_copy(update=change))
    with pytest.raises(InvalidInputError, match=message):
        search.run(pipeline(tmp_path, k=1))


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_a_damaged_shard_is_named_and_nothing_is_written(spark, tmp_path, capfd, damage):
    database, _ = make_both(tmp_path)
    indexer.build(str(tmp_path / "index"), database.ids, database.codes, code_length=64, rows_per_shard=26)
    shard = max((tmp_path / "index" / "shards").iterdir())
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.unlink()
    if damage != "remove":
        shard.write_bytes(content if damage == "flip" else content[:-8])
    with pytest.raises(CorruptIndexError, match=shard.name) as caught:
        search.run(pipeline(tmp_path, k=1))
    assert "\n" not in str(caught.value)
    assert "Traceback" not in capfd.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["codes", "index", "runs"]


def test_an_index_of_an_unknown_version_is_refused(tmp_path):
    database, _ = make_both(tmp_path)
    indexer.build(str(tmp_path / "index"), database.ids, database.codes, code_length=64)
    (manifest,) = (tmp_path / "index" / "manifests").iterdir()
    manifest.write_text(manifest.read_text().replace('"format_version": 2', '"format_version": 99'))
    with pytest.raises(CorruptIndexError, match="99"):
        search.run(pipeline(tmp_path, k=1))


def test_a_missing_index_is_named(tmp_path):
    make_both(tmp_path)
    with pytest.raises(InvalidInputError, match="holds no index"):
        search.run(pipeline(tmp_path, k=1))
