"""What an error says to type works next: each hint is executed as it is printed."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from jobs import cli

ROWS = 300


def table(ids, **changed):
    """Two classes in 5 dimensions, by turns."""
    values = np.random.default_rng(len(ids)).standard_normal((len(ids), 5)).astype(np.float32)
    values[::2] += 3
    made = {"id": list(ids), "features": values.tolist(), "labels": [[id_ % 2] for id_ in ids], **changed}
    return pa.table({name: column for name, column in made.items() if column is not None})


@pytest.fixture
def root(tmp_path):
    """A pipeline's root with corpora, and its file."""
    for part, ids in (("train", range(200)), ("database", range(ROWS)), ("queries", range(1000, 1020))):
        (tmp_path / "run/corpus" / part).mkdir(parents=True)
        pq.write_table(table(ids), tmp_path / "run/corpus" / part / "0.parquet")
    values = {
        "name": "a",
        "root": str(tmp_path / "run"),
        "train": {"modality": "features", "in_process": True, "epochs": 2, "batch_size": 32, "code_length": 16},
        "encode": {"modality": "features"},
        "search": {"k": 3},
        "evaluate": {"knn": [1], "examples": 0},
    }
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(values))
    return tmp_path / "run"


@pytest.fixture
def run(root, capsys):
    """Run a verb with further words, and return the exit code and what it said."""

    def run(verb, *words):
        capsys.readouterr()
        code = cli.main([verb, "--config", str(root.parent / "a.yaml"), *words])
        captured = capsys.readouterr()
        return code, captured.err if code else captured.out

    return run


def typed(text):
    """Return the words that a text says to type as options."""
    values = re.findall(r"--set ('[^']*'|[^\s;,]+)", text)
    return [word for value in values for word in ("--set", value.strip("'"))]


def refused(run, verb, *words):
    """Run a verb that is refused in one line, and return that."""
    code, text = run(verb, *words)
    assert code == 2, text
    assert text.startswith(f"hashcore {verb}: ") and text.count("\n") == 1
    return text.strip()


def follow(run, verb, *words):
    """Run a verb that is refused, then again with what is said to type, which must work; return what was said first."""
    text = refused(run, verb, *words)
    more = typed(text)
    assert more, text
    code, then = run(verb, *words, *more)
    assert code == 0, (text, then)
    return text


def test_the_place_that_an_error_names_is_where_another_output_goes(spark, root, run):
    for verb in ("train", "encode", "index", "search", "evaluate", "report"):
        assert run(verb)[0] == 0
    for verb, change, key, place in (
        ("search", "search.k=5", "neighbors", "neighbors-2"),
        ("search", "search.k=6", "neighbors", "neighbors-3"),
        ("evaluate", "evaluate.measures=[mAP]", "metrics", "metrics-2.json"),
        ("report", "report.title=Another", "report", "report-2.html"),
        ("index", "index.rows_per_shard=100", "index", "index-2"),
        ("train", "train.epochs=3", "hasher", "hasher-2"),
    ):
        said = follow(run, verb, "--set", change)
        assert f"different {change.partition('=')[0]}" in said or verb == "index"
        assert f"write elsewhere by --set paths.{key}={root}/{place}" in said
        assert (root / place).exists() and (root / "corpus/train").exists()
    said = refused(run, "encode", "--set", "corpus.labels=null")
    assert "different corpus.labels" in said and f"--set paths.codes_database={root}/codes/database-2" in said


def test_what_is_missing_is_made_by_the_verb_that_is_named(spark, root, run):
    assert run("train")[0] == 0
    for verb, missing in (("index", "encode"), ("report", "evaluate")):
        said = refused(run, verb)
        assert f"run `hashcore {missing}` first" in said
        assert run(missing)[0] == 0
        assert run(verb)[0] == 0


def test_what_is_damaged_is_removed_and_made_anew_as_is_said(spark, root, run):
    for verb in ("train", "encode", "index", "evaluate"):
        assert run(verb)[0] == 0
    for file, reader, removed, makers in (
        ("codes/queries/codes.json", "search", "codes/queries", ["encode"]),
        ("metrics.json", "report", "metrics.json", ["evaluate"]),
    ):
        (root / file).write_text("{}")
        said = refused(run, reader)
        assert re.search(rf"remove (it|this codes directory) and run `hashcore {makers[0]}`$", said)
        shutil.rmtree(root / removed) if (root / removed).is_dir() else (root / removed).unlink()
        assert [run(maker)[0] for maker in makers] == [0] and run(reader)[0] == 0
    (root / "hasher/weights.safetensors").write_bytes(b"")
    shutil.rmtree(root / "codes")
    assert "copy it again, or remove the folder and train" in refused(run, "encode")
    shutil.rmtree(root / "hasher")
    assert run("train")[0] == 0 and run("encode")[0] == 0


def test_a_search_without_queries_says_where_they_are_looked_for(spark, root, run):
    queries = root / "corpus/queries"
    kept = queries.rename(root / "later")
    for verb in ("train", "encode", "index"):
        assert run(verb)[0] == 0
    said = refused(run, "search")
    assert "run `hashcore encode` first, with a corpus at paths.corpus_queries" in said
    kept.rename(queries)
    assert run("encode")[0] == 0 and run("search")[0] == 0


def test_questions_that_cannot_be_asked_are_put_right_by_what_is_said(spark, root, run):
    for verb in ("train", "encode", "index"):
        assert run(verb)[0] == 0
    follow(run, "search", "--set", "search.radius=2")
    shutil.rmtree(root / "neighbors")
    follow(run, "search", "--set", "search.k=null")
    said = follow(run, "evaluate", "--set", "evaluate.knn=[1, 10, 301]")
    assert said.endswith("use k <= 300, as in --set 'evaluate.knn=[1, 10]'")


def test_corpora_that_do_not_fit_are_encoded_by_what_is_said(spark, root, run):
    assert run("train")[0] == 0
    said = follow(run, "encode", "--set", "encode.modality=sound")
    assert said.endswith("this hasher reads features; use one of these, as in --set encode.modality=features")
    shutil.rmtree(root / "codes")
    pq.write_table(table(range(1000, 1020), labels=None), root / "corpus/queries/0.parquet")
    follow(run, "encode")
    shutil.rmtree(root / "codes")
    pq.write_table(table(range(ROWS), labels=None), root / "corpus/database/0.parquet")
    follow(run, "encode")
    shutil.rmtree(root / "codes")
    bad = [[1.0] * 4] * 20 + [[1.0] * 5] * (ROWS - 20)
    pq.write_table(table(range(ROWS), features=bad), root / "corpus/database/0.parquet")
    pq.write_table(table(range(1000, 1020)), root / "corpus/queries/0.parquet")
    follow(run, "encode")
    shutil.rmtree(root / "codes")
    said = follow(run, "encode", "--set", "spark.task_memory=9m", "--set", "encode.max_rejected_share=1")
    assert "lower encode.batch_rows, or raise what it may by --set spark.task_memory=" in said


def test_trainings_that_cannot_be_are_put_right_by_what_is_said(root, run):
    wide = np.random.default_rng(0).standard_normal((200, 16)).astype(np.float32).tolist()
    pq.write_table(table(range(200), features=wide), root / "corpus/train/0.parquet")
    follow(run, "train", "--set", "corpus.labels=null")
    shutil.rmtree(root / "hasher")
    bad = [wide[0][:4] if row in (3, 4, 5) else wide[row] for row in range(200)]
    pq.write_table(table(range(200), features=bad), root / "corpus/train/0.parquet")
    follow(run, "train")
    assert pq.read_table(root / "hasher/rejected").num_rows == 3


def test_a_collapsed_hasher_may_be_used_or_trained_otherwise_by_what_is_said(spark, root, run, monkeypatch):
    monkeypatch.syspath_prepend(root.parent)
    features = np.random.default_rng(0).standard_normal((200, 5)).astype(np.float32) / 1e6 + 50
    pq.write_table(table(range(200), features=features.tolist()), root / "corpus/train/0.parquet")
    (root.parent / "all_alike.py").write_text(
        "from torch import nn\n"
        "def make(shape, outputs):\n"
        "    return nn.Sequential(nn.Linear(shape[0], outputs), nn.Softplus())\n"
    )
    spark.sparkContext.addPyFile(str(root.parent / "all_alike.py"))
    words = ["--set", "train.network={name: own, path: 'all_alike:make'}"]
    text = refused(run, "train", *words)
    assert "the hasher has collapsed: " in text
    other, _, same = text.partition("it lies in")
    assert run("encode", *words, *typed(same))[0] == 0
    again = refused(run, "train", *words, *typed(other))  # this network never learns
    assert "the hasher has collapsed: " in again and typed(again) != typed(text)
