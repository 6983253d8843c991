"""Index on Spark: built once, whatever ends early, and refusing what does not fit."""

from __future__ import annotations

import json
import multiprocessing
import os

import numpy as np
import pyarrow.parquet as pq
import pytest
from indexed_codes import DATABASE_FILES, killed_after, make_both, pipeline
from small_codes import make

import indexer
from hashcore.errors import HashcoreError, InvalidInputError, OutputError, StorageError
from jobs import index, search
from jobs.stages import codes_directory, kept, records


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
def test_of_two_runs_at_once_one_builds_the_index_and_neither_removes_it(tmp_path, same):
    make_both(tmp_path)
    context = multiprocessing.get_context("fork")
    for attempt in range(12):
        root = tmp_path / f"index-{attempt}"
        several = [
            pipeline(tmp_path, rows_per_shard=rows, check_ids=False).model_copy(
                update={
                    "paths": pipeline(tmp_path).paths.model_copy(update={"index": str(root)}),
                    "engine": "process",  # a connection to Java is not for two processes
                }
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
        assert all(said == "done" or "another" in said for said in outcomes), outcomes
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


def test_the_sample_of_few_codes_is_all_of_them(tmp_path):
    database = make(tmp_path / "codes", files=(40, 11), code_length=64)
    chunks = codes_directory.plan(str(tmp_path / "codes"), 9)
    assert np.array_equal(index.sample(chunks, 51, 64), database.codes)
    assert len(index.sample(chunks, 6, 64)) == 6
