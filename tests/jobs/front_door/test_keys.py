"""Keys go through all jobs: items with texts or bytes for ids are indexed, searched, evaluated, changed and shown."""

from __future__ import annotations

import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from oracle import as_integers

import indexer
from hashcore.codes import pack
from hashcore.columns.codes import codes_to_arrow
from hashcore.errors import InvalidInputError
from hashcore.labels import Labels
from jobs import cli, evaluate, index, search
from jobs.config.pipeline import Pipeline
from jobs.generations import append, compact, delete, verify
from jobs.stages import codes_directory

LENGTH = 32
NAMES = ("ant", "cat", "dog")


def distance(one, other):
    return (one ^ other).bit_count()


def pipeline(root, **sections):
    values = {
        "name": "a",
        "root": str(root),
        "index": {"rows_per_shard": 20},
        "evaluate": {"measures": ["mAP"], "knn": [1], "examples": 2},
        "search": {"k": 5, "queries_per_task": 4},
        **sections,
    }
    return Pipeline.model_validate(values)


def codes_of(rows, seed):
    """Codes near one of three centres, and the class of each."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 3, rows)
    centres = np.random.default_rng(1).integers(0, 2, (3, LENGTH))
    return pack(centres[classes] ^ (rng.random((rows, LENGTH)) < 0.1)), classes.astype(np.int32)


def write(path, keys, seed=0, names=NAMES, files=2):
    """Write a codes directory of items with some keys, and return (code, name of its class) of each."""
    packed, classes = codes_of(len(keys), seed)
    column = pa.array(keys)
    table = {"id": column, "code": codes_to_arrow(packed)}
    table["labels"] = Labels(np.arange(len(keys) + 1), classes).to_arrow()
    os.makedirs(path / "data")
    for number, rows in enumerate(np.array_split(np.arange(len(keys)), files)):
        pq.write_table(pa.table(table).take(rows), path / "data" / f"part-{number}.parquet")
    kind = {pa.string(): "string", pa.binary(): "binary"}.get(column.type)
    info = {"code_length": LENGTH, "kind": "dense", "hasher_fingerprint": "3f9c", "modality": "image"}
    codes_directory.write_info(
        str(path), codes_directory.CodesInfo(**info, rows=len(keys), keys=kind, vocabulary=names)
    )
    words = [names[label] if names else int(label) for label in classes]
    return dict(zip(keys, zip(as_integers(packed), words, strict=True), strict=True))


def texts(first, stop):
    return [f"photos/{number:04}.jpg" for number in range(first, stop)]


def built(root, keys=None, **sections):
    items = write(root / "codes" / "database", keys or texts(0, 70))
    queries = write(root / "codes" / "queries", texts(60, 75), seed=5)
    given = pipeline(root, **sections)
    index.run(given)
    return given, items, queries


def found(given):
    folder = given.paths.neighbors
    tables = [pq.read_table(os.path.join(folder, name)) for name in sorted(os.listdir(folder)) if name[0] == "p"]
    for table in tables:
        assert table.column("query_id").to_pylist() == sorted(table.column("query_id").to_pylist())
    return pa.concat_tables(tables)


def expected(items, queries, k):
    """Return by query the distances of its k nearest, and the keys that are surely among them."""
    answers = {}
    for key, (query, _) in queries.items():
        near = sorted((distance(query, code), item) for item, (code, _) in items.items())
        last = near[k - 1][0]
        answers[key] = [far for far, _ in near[:k]], {item for far, item in near if far < last}
    return answers


def check(given, items, queries, k=5):
    rows = found(given)
    wanted = expected(items, queries, k)
    assert set(rows.column("query_id").to_pylist()) == set(queries)
    for key, (distances, sure) in wanted.items():
        mine = rows.filter(pa.compute.equal(rows.column("query_id"), pa.scalar(key, rows.schema.field(0).type)))
        assert mine.column("distance").to_pylist() == distances
        keys = mine.column("id").to_pylist()
        assert sure <= set(keys) and len(set(keys)) == k
        assert [distance(queries[key][0], items[item][0]) for item in keys] == distances


@pytest.mark.parametrize("keys", [texts(0, 70), [key.encode() for key in texts(0, 70)]], ids=["texts", "bytes"])
def test_neighbors_have_the_keys_of_the_corpus(spark, tmp_path, keys):
    given, items, queries = built(tmp_path, keys)
    search.run(given)
    check(given, items, queries)
    assert found(given).schema.field("id").type == pa.array(keys).type


def test_the_life_of_an_index_with_keys(spark, tmp_path, capsys):
    given, items, queries = built(tmp_path)
    more = write(tmp_path / "more", texts(70, 80), seed=7, names=("ant", "bee", "dog"))
    append.run(pipeline(tmp_path, append={"codes": str(tmp_path / "more")}))
    assert indexer.open(given.paths.index).manifest.vocabulary == (*NAMES, "bee")
    gone = [*texts(0, 10), "photos/0070.jpg"]
    delete.run(pipeline(tmp_path, delete={"ids": [*gone, "nowhere.jpg"]}))
    said = capsys.readouterr().out
    assert "11 items, 1 of 12 ids are not in the index: nowhere.jpg" in said
    compact.run(given)
    verify.run(given)
    left = {key: value for key, value in (items | more).items() if key not in gone}
    search.run(given)
    check(given, left, queries)
    held = indexer.open(given.paths.index)
    labels = held.labels_of(pa.array(list(left)))
    words = [held.manifest.vocabulary[labels.of(row)[0]] for row in range(len(left))]
    assert words == [word for _, word in left.values()]
    write(tmp_path / "again", ["photos/0071.jpg"], files=1)
    with pytest.raises(InvalidInputError, match=r"photos/0071\.jpg"):
        append.run(pipeline(tmp_path, append={"codes": str(tmp_path / "again")}))


def test_a_key_twice_is_refused_and_named(spark, tmp_path):
    write(tmp_path / "codes" / "database", [*texts(0, 30), "photos/0007.jpg"])
    with pytest.raises(InvalidInputError, match=r"ids occur more than once, such as photos/0007\.jpg; give every item"):
        index.run(pipeline(tmp_path))
    assert not os.path.exists(tmp_path / "index" / "CURRENT")


def test_figures_and_examples_have_names(spark, tmp_path):
    given, items, queries = built(tmp_path)
    result = evaluate.run(given)
    assert result.setting.queries_in_database == 10
    assert result.examples
    for example in result.examples:
        assert example.id in queries and example.labels == [queries[example.id][1]]
        assert all(shown.label == items[shown.id][1] for shown in example.neighbors)
        assert all(shown.relevant == (shown.label in example.labels) for shown in example.neighbors)


def test_queries_with_other_names_of_labels_are_judged_by_the_names(spark, tmp_path):
    items = write(tmp_path / "codes" / "database", texts(0, 70))
    queries = write(tmp_path / "codes" / "queries", list(range(9)), seed=5, names=("zebra", "cat", "ant"))
    given = pipeline(tmp_path)
    index.run(given)
    result = evaluate.run(given)
    assert result.setting.queries_in_database == 0
    assert result.setting.queries_without_relevant == sum(word == "zebra" for _, word in queries.values())
    for example in result.examples:
        assert example.labels == [queries[example.id][1]]
        assert all(shown.relevant == (items[shown.id][1] in example.labels) for shown in example.neighbors)


def test_labels_that_are_names_here_and_numbers_there_are_refused(spark, tmp_path):
    write(tmp_path / "codes" / "database", texts(0, 30))
    write(tmp_path / "codes" / "queries", texts(0, 9), names=None)
    index.run(pipeline(tmp_path))
    with pytest.raises(InvalidInputError, match=r"labels that are numbers, the index labels that are names"):
        evaluate.run(pipeline(tmp_path))


def test_numbers_are_not_appended_to_keys_nor_deleted_from_them(spark, tmp_path):
    built(tmp_path)
    write(tmp_path / "more", list(range(5)))
    with pytest.raises(InvalidInputError, match="has ids that are numbers, the index ids that are texts"):
        append.run(pipeline(tmp_path, append={"codes": str(tmp_path / "more")}))
    with pytest.raises(InvalidInputError, match="id 7 is a number; the ids are texts: quote it"):
        delete.run(pipeline(tmp_path, delete={"ids": [7]}))


@pytest.mark.parametrize("form", ["parquet", "csv", "json"])
@pytest.mark.parametrize("shape", ["pairs", "lists"])
def test_neighbors_are_written_as_people_read_them(spark, tmp_path, shape, form, capsys):
    asks = {"k": 3, "queries_per_task": 4, "shape": shape, "format": form, "labels": True}
    given, items, queries = built(tmp_path, search=asks)
    search.run(given)
    assert f"{3 * len(queries)} neighbors" in capsys.readouterr().out
    rows = list(read_back(given, form, shape))
    wanted = expected(items, queries, 3)
    assert {key for key, *_ in rows} == set(queries)
    for key, near, distances, words in rows:
        assert distances == wanted[key][0] and wanted[key][1] <= set(near)
        assert words == [[items[item][1]] for item in near]


def of_query(row, names):
    return zip(*(row[name] for name in names), strict=True)


@pytest.mark.parametrize(("shape", "kept"), [("pairs", 60), ("lists", 60), ("pairs", 0)])
def test_columns_of_the_corpus_stand_beside_the_neighbors(spark, tmp_path, shape, kept):
    given, items, queries = built(
        tmp_path, search={"k": 3, "queries_per_task": 4, "shape": shape, "columns": ["caption", "width"]}
    )
    os.makedirs(tmp_path / "corpus" / "database")
    known = list(items)[:kept] or [f"elsewhere {number}" for number in range(40)]
    for number, keys in enumerate((known[:25], known[25:])):
        held = {"id": keys, "caption": [f"of {key}" for key in keys], "width": [[len(key), 1] for key in keys]}
        pq.write_table(pa.table(held), tmp_path / "corpus" / "database" / f"{number}.parquet")
    search.run(given)
    rows = found(given).to_pylist()
    if shape == "lists":
        assert [row["query_id"] for row in rows] == sorted(queries)
        names = ("id", "caption", "width")
        rows = [dict(zip(names, each, strict=True)) for row in rows for each in of_query(row, names)]
    assert len(rows) == 3 * len(queries)
    for row in rows:
        key = row["id"]
        assert (row["caption"], row["width"]) == ((f"of {key}", [len(key), 1]) if key in known else (None, None))


def read_back(given, form, shape):
    """Yield query, keys, distances and names of labels as the files have them."""
    import csv

    suffix = {"parquet": ".parquet", "csv": ".csv", "json": ".jsonl"}[form]
    folder, rows = given.paths.neighbors, []
    for name in sorted(name for name in os.listdir(folder) if name.endswith(suffix)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            if form == "parquet":
                rows += pq.read_table(os.path.join(folder, name)).to_pylist()
            elif form == "json":
                rows += map(json.loads, file)
            else:
                rows += csv.DictReader(file)
    if form == "csv":
        for row in rows:
            row["distance"] = [int(far) for far in row["distance"].split()]
            row["id"] = row["id"].split()
            row["labels"] = [[word] for word in row["labels"].replace("['", " ").replace("']", " ").split()]
            if shape == "pairs":
                row |= {"distance": row["distance"][0], "id": row["id"][0], "labels": row["labels"][0]}
    if shape == "lists":
        yield from ((row["query_id"], row["id"], row["distance"], row["labels"]) for row in rows)
        return
    for key in dict.fromkeys(row["query_id"] for row in rows):
        mine = [row for row in rows if row["query_id"] == key]
        yield key, *([row[name] for row in mine] for name in ("id", "distance", "labels"))


def test_the_neighbors_of_one_item_or_one_code_are_printed_without_a_configuration(spark, tmp_path, capsys):
    given, items, _ = built(tmp_path)
    key = "photos/0005.jpg"
    capsys.readouterr()
    assert cli.main(["search", given.paths.index, "--key", key, "--k", "4"]) == 0
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert said[0] == ["id", "distance", "labels"]
    far = sorted(distance(items[key][0], code) for other, (code, _) in items.items() if other != key)
    assert [int(row[1]) for row in said[1:]] == far[:4]
    assert all(distance(items[key][0], items[row[0]][0]) == int(row[1]) for row in said[1:])
    assert [row[2] for row in said[1:]] == [items[row[0]][1] for row in said[1:]]
    digits = items[key][0].to_bytes(4, "little").hex()
    assert cli.main(["search", given.paths.index, "--query", f"0x{digits.upper()}", "--radius", "0"]) == 0
    assert key in capsys.readouterr().out
    for wrong, message in (("no.jpg", "is no file, and no code of 8 hexadecimal digits"), (str(tmp_path), "")):
        assert cli.main(["search", given.paths.index, "--query", wrong]) == 2
        assert message in capsys.readouterr().err
    assert cli.main(["search", given.paths.index, "--key", "nobody.jpg"]) == 2
    assert "1 of 1 items are not in generation 1" in capsys.readouterr().err


def test_an_item_is_shown_with_its_code_labels_and_nearest_or_where_it_was_deleted(spark, tmp_path, capsys):
    given, items, _ = built(tmp_path)
    delete.run(pipeline(tmp_path, delete={"ids": ["photos/0003.jpg"]}))
    capsys.readouterr()
    assert cli.main(["inspect", given.paths.index]) == 0
    said = capsys.readouterr().out
    assert "items have keys, which are texts\nlabels have 3 names: ant, cat, dog\n" in said
    keys = ["photos/0001.jpg", "photos/0003.jpg", "never.jpg"]
    assert cli.main(["show", given.paths.index, *keys]) == 0
    said = capsys.readouterr().out.splitlines()
    code, word = items[keys[0]]
    assert said[0].startswith("photos/0001.jpg: in generation 2, code 0x") and said[0].endswith(f"labels {word}")
    assert int.from_bytes(bytes.fromhex(said[0].partition("0x")[2][:8]), "little") == code
    assert "photos/0001.jpg" not in "".join(said[1:-2])
    assert said[-2] == "photos/0003.jpg: deleted in generation 2, not in generation 2"
    assert said[-1] == "never.jpg: not in generation 2, nor deleted in one that is kept"
