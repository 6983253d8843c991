"""The file that `hashcore init` writes runs as it is, from what people have to neighbors with their keys."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from looked_at import CLASSES, HEX, KEYS, NAMES, PACKED, ROWS, VECTORS, csv, folder_of_images, json_lines, parquet
from looked_at import lists as of

from jobs import cli
from jobs.config.pipeline import load


def vectors(tmp_path):
    return parquet(tmp_path / "a.parquet", embedding=of(VECTORS), label=pa.array(NAMES))


def matrix(tmp_path):
    np.save(tmp_path / "a.npy", VECTORS)
    return tmp_path / "a.npy"


def numbers(tmp_path):
    return csv(tmp_path / "a.csv", **{f"x{number}": VECTORS[:, number] for number in range(4)})


def lines(tmp_path):
    return json_lines(tmp_path / "a.jsonl", vector=VECTORS.tolist(), category=CLASSES.tolist())


def tags(tmp_path):
    sets = [[f"t{number % 5}", f"t{5 + number % 7}"] for number in range(ROWS)]
    return parquet(tmp_path / "a.parquet", words=pa.array(sets))


def photographs(tmp_path):
    return folder_of_images(tmp_path / "photos", side=8)


def digits(tmp_path):
    return csv(tmp_path / "a.csv", pdq=HEX)


def packed(tmp_path):
    return parquet(tmp_path / "a.parquet", ubinary=of(PACKED, pa.uint8()), label=pa.array(CLASSES))


MADE = [vectors, matrix, numbers, lines, tags, photographs, digits, packed]


@pytest.mark.parametrize("made", MADE)
def test_what_init_writes_runs_as_it_is(tmp_path, monkeypatch, capsys, made):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", str(made(tmp_path))]) == 0
    words = [line.split()[1:] for line in capsys.readouterr().out.splitlines() if line.startswith("  hashcore ")]
    assert words
    for each in words:
        assert cli.main(each) == 0, (each, capsys.readouterr().err)
    found = pq.read_table("runs/mine/neighbors").to_pydict()
    assert len(found["id"]) == ROWS * 10
    assert set(found["query_id"]) == set(range(ROWS) if made is matrix else _keys(made))
    itself = {(row, other) for row, other, distance in zip(*found.values(), strict=True) if distance == 0}
    assert len({row for row, other in itself if row == other}) > ROWS // 2 or made in (photographs, numbers, tags)


def _keys(made):
    """Return the keys of a corpus."""
    return [f"{name}/{number}.png" for number, name in enumerate(NAMES)] if made is photographs else KEYS


def test_a_second_path_holds_the_queries(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    queries = {"url": KEYS[:5], "vector": of(VECTORS[:5])}
    pq.write_table(pa.table(queries), tmp_path / "asked.parquet")
    assert cli.main(["init", str(vectors(tmp_path)), "asked.parquet", "--out", "other.yaml"]) == 0
    pipeline = load("other.yaml")
    assert (pipeline.encode.column_of("queries"), pipeline.encode.queries.labelled) == ("vector", False)
    assert not pipeline.evaluate.exclude_self
    assert cli.main(["run", "--config", "other.yaml"]) == 0, capsys.readouterr().err
    assert pq.read_table("runs/other/neighbors").num_rows == 5 * 10


def test_labelled_images_ask_for_a_network_and_sizes_for_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder_of_images(tmp_path / "photos", side=100)
    assert cli.main(["init", "photos"]) == 0
    train = load("mine.yaml").train
    assert (train.method, train.network.name, train.size) == ("network", "convolutional", (64, 64))


def test_images_without_labels_ask_for_itq(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder_of_images(tmp_path / "photos", side=100)
    assert cli.main(["init", "photos/cat"]) == 0
    pipeline = load("mine.yaml")
    assert (pipeline.train.method, pipeline.train.size, pipeline.corpus.labels) == ("itq", (32, 32), None)


def test_names_that_yaml_reads_otherwise_are_quoted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = {"key: #": KEYS, "null": of(VECTORS)}
    pq.write_table(pa.table(table), tmp_path / "a b: #.parquet")
    assert cli.main(["init", "a b: #.parquet", "--out", "1.yaml"]) == 0
    pipeline = load("1.yaml")
    assert (pipeline.name, pipeline.corpus.id, pipeline.train.column) == ("1", "key: #", "null")
    assert pipeline.paths.corpus_train == str(tmp_path / "a b: #.parquet")


def test_a_file_is_not_written_over(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("precious")
    assert cli.main(["init", str(vectors(tmp_path))]) == cli.EXIT_ERROR
    assert "mine.yaml is there already" in capsys.readouterr().err
    assert (tmp_path / "mine.yaml").read_text() == "precious"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"url": KEYS, "synopsis": [f"a text {number}" for number in range(ROWS)]}, "no column of vectors, images"),
        ({"url": ["same"] * ROWS, "vector": of(VECTORS)}, "no column that may hold ids"),
        ({"url": KEYS[:0], "vector": of(VECTORS)[:0]}, "no column of vectors, images"),
    ],
)
def test_what_no_pipeline_reads_is_one_line_and_nothing_is_written(tmp_path, monkeypatch, capsys, columns, said):
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.table(columns), "a.parquet")
    assert cli.main(["init", "a.parquet"]) == cli.EXIT_ERROR
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not (tmp_path / "mine.yaml").exists()


@pytest.mark.parametrize("columns", [{"url": KEYS, "pdq": HEX}, {"other": KEYS, "vector": of(VECTORS)}])
def test_queries_that_are_of_another_kind_are_refused(tmp_path, monkeypatch, capsys, columns):
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.table(columns), "asked.parquet")
    assert cli.main(["init", str(vectors(tmp_path)), "asked.parquet"]) == cli.EXIT_ERROR
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "mine.yaml").exists()


def test_outputs_are_told_and_not_read_as_corpora(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init", str(vectors(tmp_path))]) == 0
    assert cli.main(["run", "--config", "mine.yaml"]) == 0, capsys.readouterr().err
    told = {
        "": "the root of a pipeline",
        "/hasher": "a hasher: dense codes of 32 bits",
        "/codes/database": "a codes directory: 60 dense codes of 32 bits",
        "/index": "60 items, 0 rows deleted",
    }
    for place, said in told.items():
        assert cli.main(["inspect", f"runs/mine{place}"]) == 0
        assert said in capsys.readouterr().out
    assert cli.main(["init", "runs/mine/index", "--out", "b.yaml"]) == cli.EXIT_ERROR
    assert "is an output of hashcore" in capsys.readouterr().err


def test_inspect_shows_columns_rows_and_the_file_that_init_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = str(vectors(tmp_path))
    assert cli.main(["inspect", path]) == 0
    said = capsys.readouterr().out
    assert "60 rows" in said and "vector: vectors of 40 float32" in said and f"url='{KEYS[0]}'" in said
    assert cli.main(["init", path, "--out", "a.yaml"]) == 0
    assert (tmp_path / "a.yaml").read_text().strip() in said
