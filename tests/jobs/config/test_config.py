"""One file, one pipeline: what it resolves to, and how it refuses what it does not know."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashcore.errors import ConfigError, InvalidInputError
from jobs.config.fingerprint import digest
from jobs.config.pipeline import load

CONF = sorted(Path(__file__).parents[3].glob("conf/*.yaml"))
RAY = sorted(Path(__file__).parents[3].glob("conf/ray/*.yaml"))


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
        ("name: a\nsearch:\n  kk: 1", r"unknown key search\.kk; valid keys of search: .*, k, .*; did you mean k\?$"),
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
        ("name: a\ndelete: {ids: [1, 2.5]}", r"delete\.ids\.1=2\.5: Input should be a valid integer$"),
        ("root: x", r"name: Field required"),
        ("name: a\nengine: java", r"engine='java' is unknown; use one of auto, process, spark$"),
        ("name: a\nengine:", r"engine=None"),
        ("name: ../a", r"name='\.\./a'"),
        ("- name", r"holds no mapping"),
        ("name: [", r"is not YAML"),
        ("name: ..", r"name='\.\.'"),
        ("name: a\nname: b", r"line 2: the key name stands in line 1 too; keep one"),
        ("name: a\nsearch: {k: 1, k: 2}", r"line 2: the key k stands in line 2 too; keep one"),
        ("name: a\nsearch: {k: 010}", r"line 2: 010 is 8 by YAML 1\.1 and 10 by 1\.2; write the number without"),
        ("name: a\nsearch: {k: yes}", r"search\.k='yes': .*integer"),
        ("name: a\nsearch: {k: true}", r"search: k=true: neither true nor false fits here; give a number"),
        ("name: a\nevaluate: {knn: [1, false]}", r"evaluate: knn=\[1, false\]: neither true nor false fits here"),
        ("name: a\n1: b", r"the key 1 is no text; quote it"),
        ("name: a\n1.5: b", r"line 2: the key 1\.5 is neither a text nor a whole number; quote it"),
        ("name: a\npaths: [x]", r"paths=\['x'\] is no section; give its keys"),
        ("name: a\nsearch: 3", r"search=3 is no section; give its keys"),
        ("name: a\ntrain: {network: }", r"train\.network=None is no section; give its keys"),
        ("name: a\nroot: ~", r"root=None: there is no folder; write ~/ for your home"),
        ("name: a\nroot: ''", r"root='': an empty text is no place"),
        ("name: a\nroot: $HOME/x", r"root='\$HOME/x': .*variables are not replaced here"),
        ("name: a\npaths: {index: 's3://b//x'}", r"paths\.index=.*has an empty name"),
        ("name: a\npaths: {index: 'hdfs://n/x'}", r"paths\.index=.*hdfs:// is not read here; a path, file"),
        ("name: a\npaths: {index: ~nobody-of-that-name/x}", r"is the home of nobody here"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(written, text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load(written(text))
    assert "\n" not in str(caught.value)
    assert "pipeline.yaml" in str(caught.value)


@pytest.mark.parametrize(
    "override",
    [
        "search",
        "=3",
        "a..b=3",
        "search.k=[",
        "search.k.x=3",
        "search.k=",
        "root= ",
        "search.k=010",
        "search={k: 1, k: 2}",
    ],
)
def test_a_wrong_override_is_refused_in_one_line(written, override):
    with pytest.raises(ConfigError) as caught:
        load(written("name: a"), [override])
    assert "\n" not in str(caught.value)


def test_plain_words_numbers_and_dates_have_one_reading(written):
    read = load(written("name: no\ncorpus: {labels: 12:30, id: 2024-01-01}\ntrain: {seed: 1_000, epochs: 1e1}"))
    assert (read.name, read.corpus.labels, read.corpus.id) == ("no", "12:30", "2024-01-01")
    assert (read.train.seed, read.train.epochs) == (1000, 10)
    assert load(written("name: a\ntrain: {in_process: yes}")).train.in_process
    assert load(written("name: a\ncorpus: {labels: ~}")).corpus.labels is None


def test_an_empty_section_says_nothing_and_takes_nothing_away(written, tmp_path):
    assert load(written("name: a\nsearch:\npaths:\n")) == load(written("name: a"))
    other = tmp_path / "other.yaml"
    other.write_text("search:\n")
    assert load(written("name: a\nsearch: {k: 3}"), (), [other]).search.k == 3


def test_keys_of_an_anchor_are_merged_as_yaml_says(written):
    assert load(written("name: a\nsearch: &given {k: 3}\nevaluate: {<<: {examples: 5}, examples: 4}")).search.k == 3


@pytest.mark.parametrize(
    ("written_root", "root"),
    [
        ("~/x", os.path.expanduser("~/x")),
        ("file:///data/a%20b", "/data/a b"),
        ("file:/data/a", "/data/a"),
        ("FILE://localhost/data/a", "/data/a"),
        ("S3://bucket/a/", "s3://bucket/a"),
        ("s3a://bucket/a", "s3://bucket/a"),
    ],
)
def test_a_place_is_read_alike_as_root_and_as_path(written, written_root, root):
    read = load(written(f"name: a\nroot: {written_root}\npaths: {{hasher: {written_root}}}"))
    assert (read.root, read.paths.hasher, read.paths.index) == (root, root, f"{root}/index")


def test_a_wrong_root_is_one_problem(written):
    with pytest.raises(ConfigError, match=r"root='gs://b': .* use one of them, or copy the files there$"):
        load(written("name: a\nroot: gs://b"))


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


def test_a_part_that_there_is_not_is_named_with_those_that_there_are(written):
    paths = load(written("name: a")).paths
    assert (paths.corpus("train"), paths.codes("queries")) == (paths.corpus_train, paths.codes_queries)
    with pytest.raises(InvalidInputError, match="part=train is unknown; use one of database, queries"):
        paths.codes("train")
