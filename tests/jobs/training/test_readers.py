"""What every reader of a corpus keeps, whoever reads; petastorm's part is tests/with_petastorm."""

from __future__ import annotations

import os

import pytest
import reader_contract

from hashcore.errors import MissingExtraError
from jobs.training.readers import READERS


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return reader_contract.source(tmp_path_factory.mktemp("corpus"))


def test_arrow_keeps_the_contract(source, tmp_path):
    reader_contract.check(source, "arrow")
    reader_contract.check_folders(tmp_path, "arrow")


@pytest.mark.ray
def test_ray_keeps_the_contract(source, tmp_path):
    import ray

    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    given = ray.is_initialized()
    if not given:
        ray.init(address="local", num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    try:
        reader_contract.check(source, "ray")
        reader_contract.check_folders(tmp_path, "ray")
    finally:
        if not given:
            ray.shutdown()


def test_petastorm_is_explained_where_it_is_missing(source):
    with pytest.raises(MissingExtraError, match=r"petastorm is not installed, .* type make \.venv-petastorm/installed"):
        list(READERS["petastorm"](source))
