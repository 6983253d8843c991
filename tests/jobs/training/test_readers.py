"""What every reader of a corpus keeps, whoever reads; petastorm's part is tests/with_petastorm."""

from __future__ import annotations

import os

import pytest
import reader_contract

from hashcore.errors import ConfigError, MissingExtraError
from jobs.training.readers import READERS
from jobs.training.source import find


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return reader_contract.source(tmp_path_factory.mktemp("corpus"))


def test_arrow_keeps_the_contract(source, tmp_path):
    reader_contract.check(source, "arrow")
    reader_contract.check_folders(tmp_path / "folders", "arrow")
    reader_contract.check_formats(tmp_path, "arrow")


@pytest.mark.ray
def test_ray_keeps_the_contract(source, tmp_path):
    import ray

    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    given = ray.is_initialized()
    if not given:
        ray.init(address="local", num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    try:
        reader_contract.check(source, "ray")
        reader_contract.check_folders(tmp_path / "folders", "ray")
        reader_contract.check_formats(tmp_path, "ray")
    finally:
        if not given:
            ray.shutdown()


def test_petastorm_reads_parquet_alone(tmp_path, monkeypatch):
    from jobs.training import readers

    monkeypatch.setattr(readers, "find_spec", lambda name: name)
    folder = tmp_path / "corpus" / "train"
    folder.mkdir(parents=True)
    (folder / "x.jsonl").write_text('{"id": 1, "features": [1.0], "labels": 1}')
    found = find(reader_contract.pipeline(tmp_path))
    with pytest.raises(ConfigError, match=r"train is json, which petastorm does not read; use train\.reader=arrow"):
        list(READERS["petastorm"](found))


def test_petastorm_is_explained_where_it_is_missing(source):
    with pytest.raises(MissingExtraError, match=r"petastorm is not installed, .* type make \.venv-petastorm/installed"):
        list(READERS["petastorm"](source))
