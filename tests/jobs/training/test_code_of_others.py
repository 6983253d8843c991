"""Jobs run no code that a hasher or a corpus brings along, unless the pipeline allows it."""

from __future__ import annotations

import json
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from pictures import png
from training_corpus import columns, features, pipeline, write

from hashcore.errors import InvalidInputError
from hashcore.hasher import Hasher, Modality
from hashcore.inputs.features import FeatureInput
from hashcore.inputs.images import ImageInput
from hashcore.networks.spec import Linear, Own, Preprocessing
from jobs import cli, encode, train
from jobs.config.pipeline import Pipeline
from jobs.corpora import encode_task
from jobs.corpora.source import refuse_own_types
from jobs.research.benchmarks.workloads import copies
from jobs.stages import codes_directory

NETWORK = """
from math import prod
from torch import nn
def make(shape, outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), outputs))
"""
OWN = {"name": "own", "path": "users_nets:make"}


@pytest.fixture
def users_nets(tmp_path, monkeypatch):
    """A module of the user's own, which this process finds."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "users_nets.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path / "modules")
    encode_task.load_hasher.cache_clear()
    yield tmp_path / "modules" / "users_nets.py"
    sys.modules.pop("users_nets", None)


@pytest.fixture
def on_workers(spark, users_nets):
    """The same module, which the workers of Spark find as well."""
    spark.sparkContext.addPyFile(str(users_nets))


@pytest.fixture
def root(tmp_path):
    """A pipeline's root with a training corpus that is database and query set, too."""
    write(tmp_path / "run", columns())
    for part in ("database", "queries"):
        os.symlink(tmp_path / "run/corpus/train", tmp_path / "run/corpus" / part)
    return tmp_path / "run"


def training(root):
    """The pipeline that trains a network of the user's own."""
    made = pipeline(root, network=OWN).model_dump(mode="json")
    return Pipeline.model_validate({**made, "encode": {"modality": "features"}})


def encoding_only(root, **values):
    """A pipeline that encodes with the hasher and does not say how it was made."""
    given = {"name": "b", "root": str(root), "encode": {"modality": "features"}, **values}
    return Pipeline.model_validate(given)


def test_the_configuration_that_trained_a_network_of_the_users_own_encodes_with_it(on_workers, root):
    train.run(training(root))
    encode.run(training(root))
    hasher = Hasher.load(str(root / "hasher"), allow=("users_nets",))
    found = codes_directory.read(str(root / "codes" / "database"))
    wanted = hasher.encode(features(), "features")
    assert dict(zip(found.ids.tolist(), map(bytes, found.codes), strict=True)) == dict(enumerate(map(bytes, wanted)))
    assert len(set(map(bytes, wanted))) > 1


def test_another_configuration_must_allow_the_module_for_driver_and_tasks(on_workers, root):
    train.run(training(root))
    with pytest.raises(InvalidInputError, match=r"network.path=users_nets:make.*hasher: \{allow: \[users_nets\]\}"):
        encode.run(encoding_only(root))
    assert not (root / "codes").exists()
    encode.run(encoding_only(root, hasher={"allow": ["users_nets"]}))
    assert codes_directory.read_info(str(root / "codes" / "queries")).rows == len(features())


def test_the_module_that_is_not_allowed_is_told_on_one_line_of_the_command(users_nets, root, capsys):
    train.run(training(root))
    sys.modules.pop("users_nets")
    (root / "b.yaml").write_text(json.dumps(encoding_only(root).model_dump(mode="json")))
    assert cli.main(["encode", "--config", str(root / "b.yaml")]) == 2
    text = capsys.readouterr().err
    assert text.startswith(f"hashcore encode: {root}/hasher/hasher.json: ") and text.count("\n") == 1
    assert "users_nets" not in sys.modules


def test_a_task_loads_nothing_that_it_was_not_told_to_allow(users_nets, root):
    train.run(training(root))
    uri, fingerprint = str(root / "hasher"), Hasher.load(str(root / "hasher"), allow=("users_nets",)).fingerprint
    with pytest.raises(InvalidInputError, match="not allowed to run here"):
        encode_task.load_hasher(uri, fingerprint)
    assert encode_task.load_hasher(uri, fingerprint, allow=("users_nets",)).fingerprint == fingerprint


def test_a_pipeline_allows_the_networks_of_its_modalities_and_what_it_names(tmp_path):
    branches = {"a": {"network": {"name": "own", "path": "nets.text:make"}}, "b": {"network": {"name": "linear"}}}
    made = pipeline(tmp_path, network=OWN, modalities=branches).model_dump(mode="json")
    assert Pipeline.model_validate({**made, "hasher": {"allow": ["more"]}}).allowed() == (
        "more",
        "users_nets",
        "nets.text",
    )
    assert encoding_only(tmp_path).allowed() == ()


@pytest.mark.parametrize("name", ["users_nets:make", "users_nets.", "a b", ""])
def test_what_is_no_name_of_a_module_cannot_be_allowed(tmp_path, name):
    with pytest.raises(ValueError, match=r"hasher\.allow\.0\n.*match pattern"):
        encoding_only(tmp_path, hasher={"allow": [name]})


def test_what_is_allowed_decides_no_output(tmp_path):
    one, other = encoding_only(tmp_path), encoding_only(tmp_path, hasher={"allow": ["nets"]})
    assert one.fingerprint("corpus", "encode") == other.fingerprint("corpus", "encode")


def test_copies_of_images_are_encoded_by_a_network_that_is_allowed(users_nets, tmp_path, monkeypatch):
    reads = Modality(input=ImageInput(height=8, width=8), preprocessing=Preprocessing(), network=Own(path=OWN["path"]))
    torch.manual_seed(0)
    Hasher(8, {"image": reads}, {"image": reads.module(8)}).save(str(tmp_path / "hasher"))
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8), np.uint8)
    pq.write_table(pa.table({"image": [png(each) for each in pixels]}), tmp_path / "images.parquet")
    given = {"hasher": "hasher", "images": "images.parquet", "out": "out"}
    words = [word for name, value in given.items() for word in (f"--{name}", str(tmp_path / value))]
    monkeypatch.setattr(sys, "argv", ["copies", *words, "--codes", "12"])
    with pytest.raises(InvalidInputError, match="not allowed to run here"):
        copies.main()
    monkeypatch.setattr(sys, "argv", ["copies", *words, "--codes", "12", "--allow", "users_nets"])
    copies.main()
    assert codes_directory.read_info(str(tmp_path / "out")).rows == 12


def test_a_class_that_a_corpus_names_as_the_type_of_a_column_is_not_imported(spark, tmp_path, monkeypatch):
    (tmp_path / "named_by_corpus.py").write_text("import os\nos.environ['HOSTILE_TYPE'] = 'ran'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("HOSTILE_TYPE", raising=False)
    reads = Modality(input=FeatureInput(dimensions=5), preprocessing=Preprocessing(), network=Linear())
    Hasher(8, {"features": reads}, {"features": reads.module(8)}).save(str(tmp_path / "run" / "hasher"))
    named = {"type": "udt", "pyClass": "named_by_corpus.Type", "sqlType": "long", "serializedClass": ""}
    field = {"name": "id", "type": named, "nullable": True, "metadata": {}}
    told = {"org.apache.spark.sql.parquet.row.metadata": json.dumps({"type": "struct", "fields": [field]})}
    for part in ("database", "queries"):
        (tmp_path / "run" / "corpus" / part).mkdir(parents=True)
        table = pa.table({"id": [1, 2], "features": [[0.0] * 5] * 2}).replace_schema_metadata(told)
        pq.write_table(table, tmp_path / "run" / "corpus" / part / "0.parquet")
    with pytest.raises(InvalidInputError, match="column of a user-defined type, whose code is not run"):
        refuse_own_types(spark.read.parquet(str(tmp_path / "run" / "corpus" / "database")), "corpus")
    encode.run(encoding_only(tmp_path / "run", corpus={"source": "files", "labels": None}))  # by Arrow
    assert "HOSTILE_TYPE" not in os.environ
