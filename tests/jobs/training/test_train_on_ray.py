"""Training on Ray: the weights of a training in process, through kills of the driver and of workers; joined batches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import joined_batches
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from training_corpus import ROWS, columns, features, pipeline, write

from hashcore.errors import ConfigError, InvalidInputError
from hashcore.hasher import Hasher
from hashcore.labels import Labels
from hashcore.storage import files
from hashcore.training import fit
from jobs import train
from jobs.config.sections.train import TrainConfig
from jobs.training import on_ray


@pytest.fixture
def root(tmp_path):
    write(tmp_path, columns())
    return tmp_path


@pytest.fixture(scope="module")
def local_ray(s3_settings: None) -> Iterator[str]:
    """The address of one Ray for all tests that need it: two workers, and a CPU to read the corpus."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(joined_batches.__file__).parent))  # of networks and workers here
        with on_ray.cluster(TrainConfig(workers=2)):
            import ray

            yield ray.get_runtime_context().gcs_address


def ray_pipeline(root, **values):
    return pipeline(root, in_process=False, **values)


@pytest.mark.ray
def test_one_worker_on_ray_gives_the_weights_of_a_training_in_process(local_ray, root):
    made = ray_pipeline(root)
    train.run(made)
    hasher = Hasher.load(made.paths.hasher)
    torch.set_num_threads(1)
    wanted = fit(features(), Labels.from_lists([[row % 2] for row in range(ROWS)]), made.train.training())
    assert all(torch.equal(weight, hasher.weights()[name]) for name, weight in wanted.weights().items())


def kept_epochs(root):
    """The number of epochs whose state Ray Train has recorded."""
    try:
        snapshot = json.loads((root / "checkpoints" / "ray" / "checkpoint_manager_snapshot.json").read_text())
    except (OSError, ValueError):
        return 0
    results = [snapshot["latest_checkpoint_result"]]
    return max((result["metrics"]["epoch"] for result in results if result), default=0)


@pytest.mark.ray
def test_two_workers_go_on_after_a_kill_to_the_weights_of_an_undisturbed_run(local_ray, root, tmp_path):
    values = {"workers": 2, "epochs": 30, "validation_share": 0.1}
    whole = tmp_path / "whole"
    write(whole, columns())
    train.run(ray_pipeline(whole, **values))
    wanted = Hasher.load(str(whole / "hasher"))
    assert {epoch["triplets"] for epoch in wanted.provenance["history"]} == {2 * (90 // 16) * 32}

    config = {"name": "a", "root": str(root), "train": ray_pipeline(root, **values).train.model_dump(mode="json")}
    (root / "a.yaml").write_text(json.dumps(config))
    folder = Path(train.__file__).parents[1]
    job = subprocess.Popen(
        [sys.executable, "-m", "jobs.train", "--config", str(root / "a.yaml")],
        env={**os.environ, "RAY_ADDRESS": local_ray, "PYTHONPATH": str(folder)},
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    while kept_epochs(root) < 2:
        assert job.poll() is None, "the job ended before it could be killed"
        time.sleep(0.02)
    job.send_signal(signal.SIGKILL)
    job.wait()
    assert not (root / "hasher").exists()

    train.run(ray_pipeline(root, **values))
    resumed = Hasher.load(str(root / "hasher"))
    assert len(resumed.provenance["history"]) == 30
    assert all(torch.equal(weight, resumed.weights()[name]) for name, weight in wanted.weights().items())


@pytest.mark.ray
def test_what_a_worker_finds_wrong_is_told_in_one_line(local_ray, tmp_path):
    write(tmp_path, columns(labels=[[4]] * ROWS))
    with pytest.raises(InvalidInputError, match="all 100 labelled rows share label 4") as caught:
        train.run(ray_pipeline(tmp_path, workers=2))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.ray
def test_rows_that_are_bad_are_told_and_kept_before_what_the_others_lack(local_ray, tmp_path):
    held = columns()
    held["features"] = [row if number in (0, 3) else None for number, row in enumerate(held["features"])]
    write(tmp_path, held)
    with pytest.raises(InvalidInputError, match=r"198 of 200 rows are bad, .*: null: 198 rows") as caught:
        train.run(ray_pipeline(tmp_path))
    assert "\n" not in str(caught.value)
    assert pq.read_table(tmp_path / "hasher.rejected").num_rows == 198


@pytest.mark.ray
def test_rejected_rows_are_counted_and_kept_on_ray_too(local_ray, tmp_path, capsys):
    held = columns()
    held["features"][9] = None
    write(tmp_path, held)
    train.run(ray_pipeline(tmp_path))
    assert "199 items by network" in (said := capsys.readouterr().out) and "1 rejected: null: 1 row (id 9) ->" in said
    assert pq.read_table(tmp_path / "hasher" / "rejected").to_pylist() == [{"id": 9, "reason": "null"}]


@pytest.mark.ray
def test_more_workers_than_the_cluster_has_cpus_are_refused_before_they_would_wait_forever(local_ray, root):
    with pytest.raises(ConfigError, match=r"train\.workers=3 but there are CPUs for 2 .* use train\.workers <= 2"):
        train.run(ray_pipeline(root, workers=3))


@pytest.mark.ray
def test_ray_goes_on_by_itself_after_a_lost_worker_to_the_weights_of_an_undisturbed_run(local_ray, root, tmp_path):
    def values(marker):
        settings = {"marker": str(marker), "at": 40}  # in the fourth of six epochs of 12 batches
        return {"network": {"name": "own", "path": "fragile:network", "settings": settings}, "epochs": 6}

    whole, done = tmp_path / "whole", tmp_path / "done"
    done.touch()
    write(whole, columns())
    train.run(pipeline(whole, **values(done)))
    wanted = Hasher.load(str(whole / "hasher"), allow=("fragile",))
    made = ray_pipeline(root, **values(tmp_path / "marker"), max_failures=1, workers=1, min_workers=1)
    train.run(made)
    assert (tmp_path / "marker").exists()
    resumed = Hasher.load(made.paths.hasher, allow=made.allowed())
    assert len(resumed.provenance["history"]) == 6
    assert all(torch.equal(weight, resumed.weights()[name]) for name, weight in wanted.weights().items())


@pytest.mark.ray
def test_two_workers_that_join_their_batches_learn_as_one_worker_with_the_joined_batch(local_ray, tmp_path):
    from ray import train as ray_train
    from ray.train.torch import TorchTrainer

    TorchTrainer(
        partial(joined_batches.by_two_workers, str(tmp_path / "figures.json")),
        scaling_config=ray_train.ScalingConfig(num_workers=2),
        run_config=ray_train.RunConfig(name="joined", storage_path=str(tmp_path)),
    ).fit()
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert len(figures) == len(joined_batches.CONFIGS)
    for config, found in zip(joined_batches.CONFIGS, figures, strict=True):
        wanted = joined_batches.by_one_worker(config)
        assert np.allclose(np.array(found), np.array(wanted), atol=1e-4)
        assert wanted[-1][0] < wanted[0][0]


@pytest.mark.ray
def test_corpus_and_checkpoints_in_a_bucket_give_the_same_weights(local_ray, bucket, root):
    made, there = ray_pipeline(root, epochs=2), ray_pipeline(f"{bucket}/a", epochs=2)
    for path in (root / "corpus" / "train").iterdir():
        files.write_bytes(files.join(there.paths.corpus_train, path.name), path.read_bytes())
    train.run(there)
    torch.set_num_threads(1)
    wanted = fit(features(), Labels.from_lists([[row % 2] for row in range(ROWS)]), made.train.training())
    assert all(
        torch.equal(weight, Hasher.load(there.paths.hasher).weights()[name])
        for name, weight in wanted.weights().items()
    )
    assert any(name.endswith(".safetensors") for name in files.listing(there.paths.checkpoints, deep=True))
