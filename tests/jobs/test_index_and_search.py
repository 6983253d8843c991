"""Index and search on Spark: equal to the oracle however rows are divided, and refusing what does not fit."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
from oracle import CODE_LENGTHS, as_integers, ranking
from small_codes import make

import indexer
from hashcore.errors import CorruptIndexError, HashcoreError, InvalidInputError, OutputError, StorageError
from jobs import index, search
from jobs.config.pipeline import Pipeline
from jobs.engine.spark_engine import SparkEngine
from jobs.stages import codes_directory, kept, records

DATABASE_FILES, QUERY_FILES = (30, 0, 21), (4, 3)


def pipeline(root, *, rows_per_shard=20, check_ids=True, **question):
    return Pipeline.model_validate(
        {
            "name": "a",
            "root": str(root),
            "index": {"rows_per_shard": rows_per_shard, "check_ids": check_ids},
            "search": {"queries_per_task": 3, **question},
        }
    )


def make_both(root, code_length=64):
    """Write codes of a database and of queries, some of which are the same."""
    database = make(root / "codes" / "database", files=DATABASE_FILES, code_length=code_length)
    return database, make(root / "codes" / "queries", files=QUERY_FILES, code_length=code_length)


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


@pytest.fixture
def in_process(spark, monkeypatch):
    """Run tasks here, so that a test can count them and end them."""

    def run(engine, function, tasks, label="tasks", gpus=0):
        return [function(task) for task in tasks]

    monkeypatch.setattr(SparkEngine, "map_tasks", run)


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


def test_the_index_says_what_made_it(spark, tmp_path):
    make_both(tmp_path)
    index.run(pipeline(tmp_path))
    manifest = indexer.open(str(tmp_path / "index")).manifest
    record = json.loads((tmp_path / "index" / "_hashcore.json").read_text())
    assert manifest.hasher_fingerprint == "f"
    assert manifest.kind == "dense"
    assert manifest.provenance["fingerprint"] == record["fingerprint"]
    assert record["pipeline"]["index"]["rows_per_shard"] == 20


def test_what_is_done_is_not_done_again(spark, tmp_path, capsys):
    make_both(tmp_path)
    for _ in range(2):
        index.run(pipeline(tmp_path, k=2))
        search.run(pipeline(tmp_path, k=2))
    assert capsys.readouterr().out.count("done before") == 2
    assert indexer.open(str(tmp_path / "index")).generation == 1


def killed_after(function, calls):
    """Return the function as one that a kill ends after some calls, and the list of calls that went through."""
    went = []

    def counted(*arguments, **keywords):
        if len(went) == calls:
            raise KeyboardInterrupt
        went.append(arguments)
        return function(*arguments, **keywords)

    return counted, went


def test_an_index_whose_build_was_killed_is_finished_by_the_next_run(in_process, tmp_path, monkeypatch):
    make_both(tmp_path)
    build = indexer.build_shard
    killed, built = killed_after(build, 2)
    monkeypatch.setattr("indexer.build_shard", killed)
    with pytest.raises(KeyboardInterrupt):
        index.run(pipeline(tmp_path))
    assert (len(built), (tmp_path / "index" / "CURRENT").exists()) == (2, False)
    resumed, built = killed_after(build, 99)
    monkeypatch.setattr("indexer.build_shard", resumed)
    index.run(pipeline(tmp_path))
    assert len(built) == 1
    assert sorted(entry.rows for entry in indexer.open(str(tmp_path / "index")).shards) == [17, 17, 17]
    assert not list((tmp_path / "index").glob(f"{kept.ENTRIES}*"))


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


def double_an_id(root):
    """Give the first row of the second file the id of the first row of the first, and return it."""
    first, _, second = sorted((root / "codes" / "database" / codes_directory.DATA).iterdir())
    twice = pq.read_table(first).column("id")[0].as_py()
    table = pq.read_table(second)
    ids = table.column("id").to_numpy().copy()
    ids[0] = twice
    pq.write_table(table.set_column(0, "id", [ids]), second)
    return twice


def test_ids_that_occur_twice_are_refused_and_named(spark, tmp_path):
    make_both(tmp_path)
    twice = double_an_id(tmp_path)
    with pytest.raises(InvalidInputError, match=rf"ids occur more than once, such as {twice};"):
        index.run(pipeline(tmp_path))
    assert not (tmp_path / "index").exists()


def test_the_check_of_ids_can_be_turned_off(spark, tmp_path):
    make_both(tmp_path)
    double_an_id(tmp_path)
    index.run(pipeline(tmp_path, check_ids=False))
    assert len(indexer.open(str(tmp_path / "index"))) == sum(DATABASE_FILES)


def test_codes_of_another_length_leave_no_index(spark, tmp_path):
    make_both(tmp_path, code_length=64)
    info = codes_directory.read_info(str(tmp_path / "codes" / "database"))
    codes_directory.write_info(str(tmp_path / "codes" / "database"), info.model_copy(update={"code_length": 128}))
    with pytest.raises(InvalidInputError, match="a code is not 16 bytes long, as 128 bits take"):
        index.run(pipeline(tmp_path))
    assert not (tmp_path / "index").exists()


def test_a_codes_file_damaged_inside_leaves_no_index_and_a_mended_one_is_built(spark, tmp_path):
    make_both(tmp_path)
    last = max((tmp_path / "codes" / "database" / codes_directory.DATA).iterdir())
    table = pq.read_table(last)
    wrong = [b"short", *table.column("code").to_pylist()[1:]]
    pq.write_table(table.set_column(1, "code", [wrong]), last)
    with pytest.raises(InvalidInputError, match=f"{last.name}: a code is not 8 bytes long"):
        index.run(pipeline(tmp_path))
    assert not (tmp_path / "index" / "CURRENT").exists()
    pq.write_table(table, last)
    index.run(pipeline(tmp_path))
    assert len(indexer.open(str(tmp_path / "index"))) == sum(DATABASE_FILES)


def test_a_commit_that_fails_keeps_the_shards_for_the_next_run(in_process, tmp_path, monkeypatch):
    make_both(tmp_path)

    def away(*_, **__):
        raise StorageError("the storage is away")

    with monkeypatch.context() as patch:
        patch.setattr("indexer.commit", away)
        with pytest.raises(StorageError, match="away"):
            index.run(pipeline(tmp_path))
    built, went = killed_after(indexer.build_shard, 99)
    monkeypatch.setattr("indexer.build_shard", built)
    index.run(pipeline(tmp_path))
    assert went == [] and len(indexer.open(str(tmp_path / "index"))) == sum(DATABASE_FILES)


def test_an_index_whose_run_was_killed_after_its_commit_is_done(in_process, tmp_path, monkeypatch, capsys):
    make_both(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("jobs.stages.outputs.finish", killed_after(None, 0)[0])
        with pytest.raises(KeyboardInterrupt):
            index.run(pipeline(tmp_path))
    with pytest.raises(OutputError, match="holds an index of another pipeline"):
        index.run(pipeline(tmp_path, rows_per_shard=5))
    index.run(pipeline(tmp_path))
    assert "done before" in capsys.readouterr().out
    assert indexer.open(str(tmp_path / "index")).generation == 1
    assert records.fingerprint_of(str(tmp_path / "index"))


def run_at_once(gate, given, results):
    gate.wait()
    try:
        index.run(given)
        results.put("done")
    except Exception as error:
        results.put(str(error) if isinstance(error, HashcoreError) else repr(error))


@pytest.mark.parametrize("same", [True, False])
def test_of_two_runs_at_once_one_builds_the_index_and_neither_removes_it(in_process, tmp_path, monkeypatch, same):
    make_both(tmp_path)
    monkeypatch.setattr("jobs.engine.choice.session", lambda *_: None)  # its connection is not for two processes
    context = multiprocessing.get_context("fork")
    for attempt in range(12):
        root = tmp_path / f"index-{attempt}"
        several = [
            pipeline(tmp_path, rows_per_shard=rows, check_ids=False).model_copy(
                update={"paths": pipeline(tmp_path).paths.model_copy(update={"index": str(root)})}
            )
            for rows in (17, 17 if same else 9)
        ]
        gate, results = context.Barrier(2), context.Queue()
        crew = [context.Process(target=run_at_once, args=(gate, given, results)) for given in several]
        for process in crew:
            process.start()
        outcomes = [results.get(timeout=60) for _ in crew]
        for process in crew:
            process.join()
        made = indexer.open(str(root))
        made.verify()
        assert len(made) == sum(DATABASE_FILES) and made.manifest.parent is None
        assert set(outcomes) == {"done"} if same else "done" in outcomes, outcomes
        assert all(said == "done" or "another" in said for said in outcomes)
        assert records.read(str(root)).fingerprint == made.manifest.provenance["fingerprint"]


def test_an_index_does_not_move_in_with_others(spark, tmp_path):
    make_both(tmp_path)
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "letter.txt").touch()
    with pytest.raises(OutputError, match="did not write"):
        index.run(pipeline(tmp_path))
    assert os.listdir(tmp_path / "index") == ["letter.txt"]


def test_another_pipelines_index_is_not_built_over(spark, tmp_path):
    make_both(tmp_path)
    index.run(pipeline(tmp_path))
    with pytest.raises(OutputError, match=r"different index\.rows_per_shard"):
        index.run(pipeline(tmp_path, rows_per_shard=30))
    assert indexer.open(str(tmp_path / "index")).generation == 1


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


def test_the_sample_of_few_codes_is_all_of_them(tmp_path):
    database = make(tmp_path / "codes", files=(40, 11), code_length=64)
    chunks = codes_directory.plan(str(tmp_path / "codes"), 9)
    assert np.array_equal(index.sample(chunks, 51, 64), database.codes)
    assert len(index.sample(chunks, 6, 64)) == 6
