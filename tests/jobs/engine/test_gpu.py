"""The stage that encodes asks for GPUs, by a resource profile; without any, Spark's default profile is left alone."""

from __future__ import annotations

import pytest

from jobs.config.pipeline import Pipeline
from jobs.corpora import encode_task
from jobs.corpora.encode_task import Work
from jobs.engine import gpu
from jobs.engine.spark_engine import SparkEngine
from jobs.stages.distinct import Distinct
from jobs.stages.rejects import Rejects


def test_a_stage_without_gpus_has_no_profile_of_its_own(spark):
    assert gpu.profile(0) is None
    assert SparkEngine(spark).map_tasks(len, ["a", "bc"], "lengths", 0) == [1, 2]


def test_a_profile_asks_for_a_share_of_a_gpu_and_a_core(spark):
    requests = gpu.profile(0.25).taskResources
    assert (requests["gpu"].amount, requests["cpus"].amount) == (0.25, 1)


@pytest.mark.parametrize(("gpus", "device"), [(0, "cpu"), (0.25, "cuda")])
def test_workers_are_told_where_to_compute_and_spark_what_they_take(monkeypatch, tmp_path, gpus, device):
    from jobs import encode

    told = []

    class Step:
        def map(self, engine, function, label, gpus):
            told.append((function.args[0].device, gpus))
            return [encode_task.Counts(1, 0, Rejects(), Distinct())]

    class Hasher:
        fingerprint = "f"

    pipeline = Pipeline.model_validate({"name": "a", "root": str(tmp_path), "encode": {"gpus": gpus}})
    encode.encode_steps(None, [Step()], str(tmp_path / "codes"), Hasher(), pipeline, "encode")
    assert told == [(device, gpus)]
    assert isinstance(Work("", 0, "", "", "", 1), tuple)
