"""The whole pipeline by one command, on any configuration; and an index by its folder alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import indexer
from jobs import cli

VALUES = {
    "name": "mine",
    "engine": "process",
    "corpus": {"labels": None},
    "train": {"method": "itq", "modality": "features", "code_length": 16},
    "encode": {"modality": "features"},
    "search": {"k": 3},
}


def write(root, *, queries=True, **values):
    dice = np.random.default_rng(0)
    for part, rows in (("train", 100), ("database", 100), ("queries", 7))[: 3 if queries else 2]:
        (root / "corpus" / part).mkdir(parents=True)
        features = dice.standard_normal((rows, 20)).astype(np.float32).tolist()
        table = pa.table({"id": range(rows), "features": features, "labels": [[row % 2] for row in range(rows)]})
        pq.write_table(table, root / "corpus" / part / "0.parquet")
    (root / "mine.yaml").write_text(json.dumps({**VALUES, "root": str(root), **values}))
    return str(root / "mine.yaml")


@pytest.fixture
def built(tmp_path):
    """The root of a pipeline that has run."""
    assert cli.main(["run", "--config", write(tmp_path)]) == 0
    return tmp_path


def test_the_whole_pipeline_runs_by_one_command(tmp_path, capsys):
    config = write(tmp_path, corpus={}, evaluate={"knn": [3]}, train={**VALUES["train"], "code_length": 20})
    assert cli.main(["run", "--config", config]) == 0
    said = capsys.readouterr().out
    assert "passed over" not in said
    assert f"report: {tmp_path}/report.html" in said and "all of mine: " in said
    assert len(pq.read_table(tmp_path / "neighbors")) == 21


@pytest.mark.parametrize(
    ("queries", "values", "lines"),
    [
        (
            True,
            {},
            [
                "evaluate: passed over, since corpus.labels=null: figures need labels",
                "report: passed over, since corpus.labels=null: figures need labels",
            ],
        ),
        (
            True,
            {"corpus": {}, "search": {}, "encode": {"modality": "features", "queries": {"labelled": False}}},
            [
                "search: passed over, since neither search.k nor search.radius is given",
                "evaluate: passed over, since encode.queries.labelled=false: figures need labels",
                "report: passed over, since encode.queries.labelled=false: figures need labels",
            ],
        ),
        (
            False,
            {},
            [
                f"{stage}: passed over, since there are no queries at ROOT/corpus/queries"
                for stage in ("search", "evaluate", "report")
            ],
        ),
    ],
)
def test_a_stage_that_cannot_be_is_passed_over_and_the_rest_runs(tmp_path, capsys, queries, values, lines):
    assert cli.main(["run", "--config", write(tmp_path, queries=queries, **values)]) == 0
    said = capsys.readouterr().out.replace(str(tmp_path), "ROOT").splitlines()
    assert [line for line in said if "passed over" in line] == lines
    assert len(indexer.open(tmp_path / "index")) == 100


def test_the_demo_needs_no_configuration(monkeypatch):
    given = []
    monkeypatch.setattr("jobs.demo.run", given.append)
    assert cli.main(["demo"]) == 0
    assert [(pipeline.name, pipeline.corpus.source) for pipeline in given] == [("demo", "digits")]


def test_an_index_is_looked_at_by_its_folder_alone(built, capsys):
    folder = str(built / "index")
    capsys.readouterr()
    for words in (["inspect"], ["verify"], ["explain", "--radius", "2"], ["delete", "--ids", "3,4"], ["verify"]):
        assert cli.main([words[0], folder, *words[1:]]) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    assert f"{folder}: generation 1" in said and "1 shards, 100 items" in said
    assert "7 queries, radius 2 of 16 bits" in said
    assert "delete: 2 items, generation 2" in said and "1 shards, 98 items" in said


def test_a_search_by_the_folder_of_an_index_asks_the_queries_of_the_pipeline_that_built_it(built):
    words = ["search", str(built / "index"), "--k", "5", "--set", f"paths.neighbors={built}/five"]
    assert cli.main(words) == 0
    assert len(pq.read_table(built / "five")) == 35
    assert cli.main(["search", *words[1:2], "--radius", "16", "--set", f"paths.neighbors={built}/all"]) == 0
    assert len(pq.read_table(built / "all")) == 700


def test_an_index_that_no_pipeline_built_here_has_its_outputs_beside_it(built, tmp_path_factory):
    moved = tmp_path_factory.mktemp("moved") / "index"
    (built / "index").rename(moved)
    queries = f"paths.codes_queries={built}/codes/queries"
    assert cli.main(["search", str(moved), "--k", "2", "--set", queries]) == 0
    assert len(pq.read_table(moved.parent / "neighbors")) == 14
    indexer.build(str(moved.parent / "own.idx"), np.arange(9), np.zeros((9, 2), np.uint8), code_length=16)
    assert cli.main(["verify", str(moved.parent / "own.idx")]) == 0


def test_a_place_without_an_index_and_a_verb_without_a_place_say_so_in_one_line(tmp_path, capsys):
    assert cli.main(["verify", str(tmp_path / "none")]) == cli.EXIT_ERROR
    assert cli.main(["inspect"]) == cli.EXIT_ERROR
    first, second = capsys.readouterr().err.splitlines()
    assert f"{tmp_path}/none holds no index" in first
    assert second == (
        "hashcore inspect: no pipeline is given: type --config FILE, or hashcore inspect PATH of an index"
    )


def test_keys_to_delete_are_texts(monkeypatch, built):
    given = []
    monkeypatch.setattr("jobs.generations.delete.run", given.append)
    assert cli.main(["delete", str(built / "index"), "--keys", "007, ü.jpg"]) == 0
    assert cli.main(["delete", str(built / "index"), "--ids", "7"]) == 0
    assert [pipeline.delete.ids for pipeline in given] == [("007", "ü.jpg"), (7,)]


@pytest.mark.parametrize("verb", [name for name, verb in cli.VERBS.items() if verb.takes != "own"])
def test_the_help_of_every_verb_shows_what_every_pipeline_has(verb, capsys):
    with pytest.raises(SystemExit):
        cli.main([verb, "--help"])
    shown = capsys.readouterr().out
    assert "\n  engine = auto\n" in shown and "\n  root = runs/<name>\n" in shown
    assert "\n  corpus.id = id\n" in shown and "\n  paths.index = <root>/index\n" in shown


def test_the_configuration_of_the_demo_is_installed_beside_the_package():
    listed = Path(cli.__file__).parents[1] / "CMakeLists.txt"
    assert "install(FILES conf/demo.yaml DESTINATION jobs/conf)" in listed.read_text(encoding="utf-8")


def test_ready_made_codes_are_imported_in_place_of_a_training(tmp_path, capsys):
    np.save(tmp_path / "codes.npy", np.random.default_rng(0).integers(0, 256, (50, 8), np.uint8))
    imported = {"codes": str(tmp_path / "codes.npy"), "bit_order": "msb"}
    values = {"name": "a", "root": str(tmp_path / "run"), "engine": "process", "search": {"k": 3}, "import": imported}
    (tmp_path / "a.yaml").write_text(json.dumps(values))
    assert cli.main(["run", "--config", str(tmp_path / "a.yaml")]) == 0
    assert "search: passed over, since import.queries is not given" in capsys.readouterr().out
    words = ["run", "--config", str(tmp_path / "a.yaml"), "--set", f"import.queries={tmp_path}/codes.npy"]
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert "train: " not in said and "evaluate: passed over, since import.labels=null: figures need labels" in said
    assert len(pq.read_table(tmp_path / "run" / "neighbors")) == 150
