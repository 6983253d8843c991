"""Append, delete, compact, vacuum, verify and inspect as jobs: the same in a directory and in an object store."""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from oracle import as_integers, ranking
from small_codes import make

import indexer
from hashcore.errors import ConfigError, InvalidInputError, TaskError
from hashcore.storage import files
from jobs import cli, evaluate, index, search
from jobs.config.pipeline import Pipeline
from jobs.corpora.ids import read_ids
from jobs.generations import append, compact, delete, inspect, vacuum, verify


def pipeline(root, place, **sections):
    values = {
        "name": "a",
        "root": place,
        "paths": {"codes_database": str(root / "codes" / "database"), "codes_queries": str(root / "codes" / "queries")},
        "index": {"rows_per_shard": 20},
        "evaluate": {"measures": ["mAP"], "knn": [], "examples": 0},
        "search": {"k": 10, "queries_per_task": 7},
        **sections,
    }
    return Pipeline.model_validate(values)


@pytest.fixture(params=["directory", "s3"])
def place(request, tmp_path):
    return str(tmp_path / "out") if request.param == "directory" else f"{request.getfixturevalue('bucket')}/out"


def neighbors(given):
    names = [name for name in files.listing(given.paths.neighbors) if name.endswith(".parquet")]
    tables = [pq.read_table(files.located(name)[1], filesystem=files.located(name)[0]) for name in names]
    table = pa.concat_tables(tables)
    return sorted(zip(*(table.column(name).to_pylist() for name in ("query_id", "distance", "id")), strict=True))


def expected(items, queries, k):
    return sorted(
        (query_id, *pair)
        for query_id, query in zip(queries.ids.tolist(), as_integers(queries.codes), strict=True)
        for pair in ranking(list(items), list(items.values()), query)[:k]
    )


def test_the_life_of_an_index_in_jobs(spark, tmp_path, place, capsys):
    database = make(tmp_path / "codes" / "database", files=(30, 21), code_length=64)
    queries = make(tmp_path / "codes" / "queries", files=(4, 3), code_length=64)
    more = make(tmp_path / "more", files=(9,), code_length=64, seed=3)
    table = pq.read_table(tmp_path / "more" / "data" / "part-00000.parquet")
    shifted = table.set_column(0, "id", pa.array(np.asarray(table.column("id")) + 1_000))
    pq.write_table(shifted, tmp_path / "more" / "data" / "part-00000.parquet")
    items = dict(zip(database.ids.tolist(), as_integers(database.codes), strict=True))
    items |= dict(zip((more.ids + 1_000).tolist(), as_integers(more.codes), strict=True))
    gone = sorted(items)[::5]
    pq.write_table(pa.table({"id": gone}), tmp_path / "gone.parquet")
    given = pipeline(
        tmp_path, place, append={"codes": str(tmp_path / "more")}, delete={"ids": str(tmp_path / "gone.parquet")},
        compact={"rows_per_shard": 50}, vacuum={"keep": 1, "older_than_h": 0},
    )  # fmt: skip
    index.run(given)
    append.run(given)
    append.run(given)
    assert capsys.readouterr().out.count("done before") == 1
    delete.run(given)
    delete.run(given)
    left = {id_: code for id_, code in items.items() if id_ not in gone}
    assert indexer.open(given.paths.index).generation == 3
    search.run(given)
    assert neighbors(given) == expected(left, queries, 10)
    found = evaluate.run(given)
    assert (found.setting.database_size, found.setting.index_generation) == (len(left), 3)
    assert found.setting.distinct_codes == len(set(left.values()))
    compact.run(given)
    verify.run(given)
    vacuum.run(given)
    final = indexer.open(given.paths.index)
    assert (len(final), final.generation, final.inspect().generations) == (len(left), 4, (4,))
    append.run(given)
    assert "append: done before" in capsys.readouterr().out
    files.remove(given.paths.neighbors)
    search.run(given)
    assert neighbors(given) == expected(left, queries, 10)
    assert evaluate.evaluate(given).figures == found.figures


def test_inspect_is_printed(tmp_path, capsys):
    rows = make(tmp_path / "codes" / "database", code_length=64)
    indexer.build(str(tmp_path / "out" / "index"), rows.ids, rows.codes, code_length=64)
    config = tmp_path / "a.yaml"
    config.write_text(f"name: a\nroot: {tmp_path}/out\n")
    assert cli.main(["inspect", "--config", str(config)]) == 0
    assert "generation 1\n8 items, 0 rows deleted" in capsys.readouterr().out


def test_inspect_prints_words_and_names_the_other_generations(tmp_path, capsys):
    rows = make(tmp_path / "codes" / "database", code_length=64)
    built = indexer.build(str(tmp_path / "out" / "index"), rows.ids, rows.codes, code_length=64)
    built.delete(rows.ids[:1])
    inspect.run(pipeline(tmp_path, str(tmp_path / "out")))
    shown = capsys.readouterr().out
    assert "generation 2; also kept: 1\n" in shown
    assert "change: verb delete, rows 1\n" in shown and "{" not in shown


@pytest.fixture
def built(tmp_path):
    """A pipeline whose index holds the ids 0 to 50 in three shards."""
    rows = make(tmp_path / "codes" / "database", files=(30, 21), code_length=64)
    given = pipeline(tmp_path, str(tmp_path / "out"))
    indexer.build(given.paths.index, np.arange(51), rows.codes, code_length=64, rows_per_shard=20)
    return given


def deleting(built, ids):
    return built.model_validate({**built.model_dump(), "delete": {"ids": ids}})


@pytest.mark.parametrize("kind", ["list", "one", "csv", "txt", "parquet"])
def test_ids_to_delete_are_given_by_themselves_or_in_a_file(built, tmp_path, kind):
    (tmp_path / "gone.csv").write_text("name,id\na,7\n")
    (tmp_path / "gone.txt").write_text("7\n")
    pq.write_table(pa.table({"id": [7]}), tmp_path / "gone.parquet")
    delete.run(deleting(built, {"list": [7], "one": 7}.get(kind, str(tmp_path / f"gone.{kind}"))))
    index = indexer.open(built.paths.index)
    assert (len(index), index.generation) == (50, 2)
    assert 7 not in index.range_search(np.zeros((1, 8), np.uint8), 64).ids


def test_deleting_a_few_ids_starts_no_java(built, monkeypatch):
    monkeypatch.delitem(sys.modules, "pyspark.sql", raising=False)  # as in a process without a session
    monkeypatch.setattr("jobs.engine.choice.session", lambda *_: pytest.fail("Spark is started"))
    delete.run(deleting(built, [3, 4, 45]))
    assert len(indexer.open(built.paths.index)) == 48


def test_ids_that_are_not_in_the_index_are_named(built, capsys):
    delete.run(deleting(built, [3, 1_000, -5]))
    assert "delete: 1 items, 2 of 3 ids are not in the index: -5, 1000, generation 2" in capsys.readouterr().out
    delete.run(deleting(built, list(range(100, 107))))
    shown = capsys.readouterr().out
    assert "delete: 0 items, 7 of 7 ids are not in the index: 100, 101, 102, 103, 104 and 2 more, gen" in shown


@pytest.mark.parametrize("ids", [[2**63], [-(2**63) - 1]])
def test_an_id_of_more_than_64_bits_is_refused(built, ids):
    with pytest.raises(InvalidInputError, match="does not fit into 64 bits"):
        delete.run(deleting(built, ids))


def test_a_vacuum_says_what_it_removed(built, capsys):
    given = built.model_validate({**built.model_dump(), "vacuum": {"keep": 1, "older_than_h": 0}})
    vacuum.run(given)
    delete.run(deleting(built, [3]))
    vacuum.run(given)
    shown = capsys.readouterr().out
    assert f"vacuum: nothing to remove -> {built.paths.index}" in shown
    assert "vacuum: removed 1 generations, which shared all their files with kept ones -> " in shown


def test_outputs_carry_the_generation_where_their_paths_ask_for_it(spark, built, tmp_path):
    make(tmp_path / "codes" / "queries", files=(4, 3), code_length=64)
    places = {"neighbors": str(tmp_path / "found-{generation}"), "metrics": str(tmp_path / "figures-{generation}.json")}
    given = built.model_validate({**built.model_dump(), "paths": {**built.model_dump()["paths"], **places}})
    search.run(given)
    delete.run(deleting(given, [3]))
    search.run(given)
    assert {"found-1", "found-2"} <= {path.name for path in tmp_path.iterdir()}
    assert given.of_current_generation().paths.metrics == str(tmp_path / "figures-2.json")


@pytest.mark.parametrize(("job", "key"), [(append, "append.codes"), (delete, "delete.ids")])
def test_what_is_not_given_is_named(tmp_path, job, key):
    with pytest.raises(ConfigError, match=f"{key} is not given"):
        job.run(pipeline(tmp_path, str(tmp_path)))


def test_codes_of_another_hasher_are_not_appended(tmp_path):
    rows = make(tmp_path / "codes" / "database", code_length=64)
    make(tmp_path / "more", code_length=12)
    given = pipeline(tmp_path, str(tmp_path / "out"), append={"codes": str(tmp_path / "more")})
    indexer.build(given.paths.index, rows.ids, rows.codes, code_length=64)
    with pytest.raises(InvalidInputError, match=r"holds dense codes of 12 bits .* of 64 bits"):
        append.run(given)


def test_ids_that_cannot_be_read_are_named(tmp_path):
    pq.write_table(pa.table({"name": ["a"]}), tmp_path / "gone.parquet")
    with pytest.raises(InvalidInputError, match=r"gone\.parquet: no whole numbers in column id"):
        read_ids(str(tmp_path / "gone.parquet"), "id")


@pytest.mark.parametrize(
    ("job", "function"), [(delete, "read_and_mark"), (compact, "merge_group"), (verify, "verify_shard")]
)
def test_a_task_that_fails_names_the_shards_and_rows_that_it_reads(spark, tmp_path, monkeypatch, job, function):
    rows = make(tmp_path / "codes" / "database", files=(30, 21), code_length=64)
    given = pipeline(tmp_path, str(tmp_path / "out"), delete={"ids": str(tmp_path / "gone.parquet")})
    indexer.build(given.paths.index, rows.ids, rows.codes, code_length=64, rows_per_shard=30)
    pq.write_table(pa.table({"id": rows.ids}), tmp_path / "gone.parquet")

    def fail(*_):
        raise OSError("the disk is gone")

    monkeypatch.setattr(job, function, fail)
    shards = "shard 0 rows 0:30, shard 1 rows 0:21" if job is compact else r"shard \d rows 0:(30|21)"
    with pytest.raises(
        TaskError, match=rf"task \d of \d, .*/out/index generation 1 {shards}: OSError: the disk is gone"
    ):
        job.run(given)
    assert indexer.open(given.paths.index).generation == 1


def test_deleting_an_id_beyond_those_of_an_index_is_refused(tmp_path):
    index = indexer.build(str(tmp_path), np.array([-1]), np.zeros((1, 8), np.uint8), code_length=64)
    with pytest.raises(InvalidInputError, match="18446744073709551615 is larger"):
        index.delete(np.array([2**64 - 1], np.uint64))


def test_places_are_absolute_wherever_they_are_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = pipeline(tmp_path, "out", append={"codes": "more"}, delete={"ids": "s3://bucket/gone.parquet"})
    assert given.append.codes == str(tmp_path / "more") and given.delete.ids == "s3://bucket/gone.parquet"
