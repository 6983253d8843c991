"""What is done stays done: only what a stage reads, by its content, decides whether an output is the same."""

from __future__ import annotations

import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from training_corpus import ROWS, columns, pipeline, write

from hashcore.errors import OutputError
from jobs import train
from jobs.config.sections.corpus import CorpusConfig
from jobs.config.sections.train import TrainConfig
from jobs.corpora import standard_sets
from jobs.stages import content, records
from jobs.training import decisive


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HASHCORE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path):
    write(tmp_path / "run", columns(other=[[7]] * ROWS))
    return tmp_path / "run"


def touch(folder):
    """Change the times of all files, as a copy or a check-out does."""
    for number, file in enumerate(sorted(folder.rglob("*.parquet"))):
        os.utime(file, (1_000 + number, 1_000 + number))


def test_a_corpus_that_was_only_touched_is_the_same_corpus(root, capsys):
    train.run(pipeline(root))
    touch(root)
    train.run(pipeline(root))
    assert "train: done before" in capsys.readouterr().out


@pytest.mark.parametrize(
    "names", [["cat/a.png", "dog/b.png"], ["0.tar", "1.tar"], ["img_emb/0.npy", "metadata/0.parquet"]]
)
def test_folders_of_other_formats_are_told_apart_by_names_and_content_alone(tmp_path, names):
    folder = tmp_path / "held"
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    before = records.fingerprint_of(str(folder))
    os.utime(folder / names[0], (1_000, 1_000))
    assert records.fingerprint_of(str(folder)) == before
    (folder / names[0]).write_bytes(names[0].upper().encode())
    changed = records.fingerprint_of(str(folder))
    (folder / names[1]).rename((folder / names[1]).with_name(f"9{(folder / names[1]).suffix}"))
    assert len({before, changed, records.fingerprint_of(str(folder))}) == 3


def test_a_corpus_of_the_same_sizes_and_times_of_another_content_is_another_one(root):
    before = records.fingerprint_of(str(root / "corpus" / "train"))
    file = root / "corpus" / "train" / "1.parquet"
    bits = bytearray(file.read_bytes())
    bits[len(bits) // 2] ^= 1
    file.write_bytes(bits)
    assert records.fingerprint_of(str(root / "corpus" / "train")) != before
    bits[len(bits) // 2] ^= 1
    file.write_bytes(bits)
    assert records.fingerprint_of(str(root / "corpus" / "train")) == before


def test_content_is_read_again_only_where_a_time_has_changed(root, monkeypatch):
    read, digest_of = [], content._digest
    monkeypatch.setattr(content, "_digest", lambda file: read.append(file) or digest_of(file))
    before = records.fingerprint_of(str(root / "corpus" / "train"))
    assert records.fingerprint_of(str(root / "corpus" / "train")) == before and len(read) == 3
    touch(root)
    assert records.fingerprint_of(str(root / "corpus" / "train")) == before and len(read) == 6


def test_a_cache_that_cannot_be_written_changes_no_fingerprint(root, tmp_path, monkeypatch):
    before = records.fingerprint_of(str(root / "corpus" / "train"))
    (tmp_path / "no_folder").touch()
    monkeypatch.setenv("HASHCORE_CACHE", str(tmp_path / "no_folder"))
    assert records.fingerprint_of(str(root / "corpus" / "train")) == before


def test_of_very_much_the_times_stand_for_the_content(root):
    before = content.content_of(str(root / "corpus" / "train"), most_bytes=10)
    touch(root)
    assert content.content_of(str(root / "corpus" / "train"), most_bytes=10) != before


@pytest.mark.parametrize("method", ["itq", "network"])
def test_labels_that_a_training_does_not_read_do_not_set_it_apart(root, capsys, method):
    pairs = {"left": [0, 1, 2, 3] * 8, "right": [2, 3, 1, 0] * 8, "similar": [True, True, False, False] * 8}
    pq.write_table(pa.table(pairs), root / "pairs.parquet")
    values = {"network": {"method": "network", "judgements": str(root / "pairs.parquet")}}
    values["network"] |= {"network": {"name": "linear"}, "loss": {"name": "pairwise_hinge", "threshold": 3}}
    values["itq"] = {"method": "itq", "code_length": 5 * 2 - 2}
    if method == "itq":
        wide = np.random.default_rng(0).standard_normal((ROWS, 9)).astype(np.float32)
        for file in (root / "corpus" / "train").iterdir():
            file.unlink()
        pq.write_table(pa.table(columns(features=wide.tolist())), root / "corpus" / "train" / "0.parquet")
    train.run(pipeline(root, **values[method]))
    train.run(pipeline(root, corpus={"labels": None}, **values[method]))
    assert "train: done before" in capsys.readouterr().out


def test_labels_that_a_training_reads_set_it_apart(root):
    train.run(pipeline(root))
    with pytest.raises(OutputError, match=r"different corpus\.labels"):
        train.run(pipeline(root, corpus={"labels": "other"}))


@pytest.mark.parametrize("method", ["network", "lsh", "identity-tags"])
def test_every_key_of_a_training_decides_it_or_how_it_runs_or_is_not_read(root, method):
    made = pipeline(root, method=method, in_process=False)
    keys = set(decisive.keys(made))
    assert len(keys) == len(decisive.keys(made))
    of_images = {"train.channels", "train.size", "train.resize", "train.interpolation"}
    if method == "network":
        every = {f"train.{key}" for key in TrainConfig.model_fields}
        unread = {f"train.{key}" for key in decisive.OF_THE_RUN} | {"train.modalities", "train.judgements"}
        unread |= {"train.sample_rows"}
        of_rows = {"corpus.id", "corpus.id_as", "corpus.labels", "corpus.labels_as"}
        assert keys == every - unread | of_rows and of_images < keys
    elif method == "lsh":
        of_all = {"train.method", "train.modality", "train.column", "train.code_length", "train.seed"}
        of_all |= {"corpus.id", "corpus.id_as"}
        assert keys == of_all | of_images | {"train.sample_rows"}
    else:
        assert keys == {"train.method", "train.modality", "train.column"}


def test_what_only_decides_how_a_training_runs_does_not_set_it_apart(root, capsys):
    how = {"max_rejected_share": 0.5, "threads": 2, "tracking": "tensorboard", "reader": "arrow", "max_failures": 3}
    train.run(pipeline(root))
    train.run(pipeline(root, corpus={"format": "parquet", "rows_per_file": 7, "seed": 3}, **how, window_bytes=1 << 21))
    assert "train: done before" in capsys.readouterr().out


def test_another_file_of_judgements_under_the_same_name_is_another_training(root):
    place = root / "pairs.parquet"
    values = {"network": {"name": "linear"}, "loss": {"name": "pairwise_hinge", "threshold": 3}}
    pairs = {"left": [0, 1, 2, 3] * 8, "right": [2, 3, 1, 0] * 8, "similar": [True, True, False, False] * 8}
    pq.write_table(pa.table(pairs), place)
    train.run(pipeline(root, judgements=str(place), **values))
    pq.write_table(pa.table(pairs | {"left": [4, 5, 6, 7] * 8}), place)
    with pytest.raises(OutputError, match="different input judgements"):
        train.run(pipeline(root, judgements=str(place), **values))


NETS = """
from math import prod
from torch import nn
def make(shape, outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), 8), nn.Tanh(), nn.Linear(8, outputs))
"""


def test_another_source_of_an_own_network_is_another_training(root, tmp_path, monkeypatch):
    (tmp_path / "nets_of_a_job.py").write_text(NETS)
    monkeypatch.syspath_prepend(tmp_path)
    own = {"network": {"name": "own", "path": "nets_of_a_job:make"}}
    train.run(pipeline(root, **own))
    (tmp_path / "nets_of_a_job.py").write_text(NETS.replace("Tanh", "Sigmoid"))
    with pytest.raises(OutputError, match="different input source of nets_of_a_job"):
        train.run(pipeline(root, **own))
    sys.modules.pop("nets_of_a_job", None)


def test_only_what_a_standard_set_is_made_by_decides_its_corpus():
    keys = {"corpus.source", "corpus.content", "corpus.rows_per_file"}
    assert set(standard_sets.decisive(CorpusConfig(source="mnist"))) == keys
    assert set(standard_sets.decisive(CorpusConfig(source="digits"))) == keys | {"corpus.held_out", "corpus.seed"}
    of_tags = set(standard_sets.decisive(CorpusConfig(source="mirflickr-tags")))
    assert of_tags == (keys - {"corpus.content"}) | {"corpus.held_out", "corpus.seed"}
