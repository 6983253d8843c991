"""One file, one pipeline: what it resolves to, and how it refuses what it does not know."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashcore.errors import ConfigError
from jobs.pipeline.config import load
from jobs.pipeline.digest import digest

CONF = sorted(Path(__file__).parents[2].glob("conf/*.yaml"))
RAY = sorted(Path(__file__).parents[2].glob("conf/ray/*.yaml"))


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "pipeline.yaml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("path", CONF, ids=lambda path: path.name)
def test_every_shipped_file_loads(path):
    assert load(path).name == path.stem


@pytest.mark.parametrize("path", RAY, ids=lambda path: path.name)
def test_every_place_to_train_goes_with_a_pipeline(path):
    plain, placed = load(CONF[0].with_name("mnist.yaml")), load(CONF[0].with_name("mnist.yaml"), also=[path])
    assert placed.train.workers > 1 and not placed.train.in_process
    assert placed.train.epochs == plain.train.epochs and placed.corpus == plain.corpus


def test_later_files_and_overrides_replace_single_values(written, tmp_path):
    first = written("name: a\nsearch: {k: 10, queries_per_task: 7}\n")
    second = tmp_path / "other.yaml"
    second.write_text("search: {k: 20}\nreport: {}\n")
    search = load(first, ["search.queries_per_task=9"], [second]).search
    assert (search.k, search.queries_per_task) == (20, 9)
    second.write_text("search: {kk: 20}\n")
    with pytest.raises(ConfigError, match=r"pipeline\.yaml with .*other\.yaml: unknown key search\.kk"):
        load(first, (), [second])


def test_there_are_shipped_files():
    assert {"demo.yaml", "mnist.yaml"} <= {path.name for path in CONF}
    assert [path.stem for path in RAY] == ["cpu", "gpu", "local"]


def test_paths_lie_below_the_root_unless_given(written):
    pipeline = load(written("name: a\nroot: /data/a\npaths:\n  hasher: /models/h\n  index: s3://bucket/index\n"))
    assert pipeline.paths.corpus_train == "/data/a/corpus/train"
    assert pipeline.paths.metrics == "/data/a/metrics.json"
    assert (pipeline.paths.hasher, pipeline.paths.index) == ("/models/h", "s3://bucket/index")


def test_the_root_is_named_after_the_pipeline(written):
    assert load(written("name: a")).paths.hasher == os.path.abspath("runs/a/hasher")


def test_overrides_replace_values_and_keep_their_neighbors(written):
    path = written("name: a\nsearch:\n  k: 10\n  queries_per_task: 7\n")
    search = load(path, ["search.k=null", "search.radius=3"]).search
    assert (search.k, search.radius, search.queries_per_task) == (None, 3, 7)


def test_an_override_moves_the_root_and_every_path_below_it(written):
    assert load(written("name: a"), ["root=/elsewhere"]).paths.report == "/elsewhere/report.html"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: a\nserch: {}", r"unknown key serch; valid keys of a pipeline: .*search.*train"),
        ("name: a\nsearch:\n  kk: 1", r"unknown key search\.kk; valid keys of search: k, queries_per_task, radius"),
        ("name: a\nindex:\n  rows_per_shard: many", r"index\.rows_per_shard='many': .*integer"),
        ("name: a\nsearch: {k: 3, radius: 2}", r"search: k and radius are both given.*search\.k=null"),
        (
            "name: a\nindex: {rows_per_shard: 0, sample_rows: 0}",
            r"=0: .*\(and there are problems with index\.sample_rows\)",
        ),
        (
            "name: a\ntrain: {method: itqq}",
            r"'itqq' is unknown; use one of network, .*, itq, .*; did you mean itq\?$",
        ),
        (
            "name: a\ntrain: {network: {name: mlpp}}",
            r"'mlpp' is unknown; use one of .*; did you mean mlp\?$",
        ),
        (
            "name: a\ntrain: {network: {name: mlp, hiden: [3]}}",
            r"network\.hiden; valid keys of train\.network: [^;]*hidden[^;]*; did you mean hidden\?$",
        ),
        ("name: a\nevaluate: {measures: mAP}", r"evaluate\.measures='mAP': give a list, as in \[a, b\]$"),
        ("name: a\ndelete: {ids: [1, x]}", r"delete\.ids\.1='x': Input should be a valid integer$"),
        ("root: x", r"name: Field required"),
        ("name: ../a", r"name='\.\./a'"),
        ("- name", r"holds no mapping"),
        ("name: [", r"is not YAML"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(written, text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load(written(text))
    assert "\n" not in str(caught.value)
    assert "pipeline.yaml" in str(caught.value)


@pytest.mark.parametrize("override", ["search", "=3", "a..b=3", "search.k=[", "search.k.x=3"])
def test_a_wrong_override_is_refused_in_one_line(written, override):
    with pytest.raises(ConfigError) as caught:
        load(written("name: a"), [override])
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named():
    with pytest.raises(ConfigError, match=r"nowhere\.yaml cannot be read"):
        load("nowhere.yaml")


def test_a_fingerprint_changes_with_its_sections_alone(written):
    path = written("name: a")
    before, after = load(path), load(path, ["search.k=3"])
    assert before.fingerprint("search") != after.fingerprint("search")
    assert before.fingerprint("index", "encode") == after.fingerprint("index", "encode")


@given(st.dictionaries(st.text(), st.integers() | st.text(), min_size=1))
def test_a_digest_ignores_the_order_of_keys_and_sees_every_value(value):
    backwards = dict(reversed(value.items()))
    changed = {**value, next(iter(value)): None}
    assert digest(value) == digest(backwards) != digest(changed)
