"""Training on Ray: workers that run the same steps in step, fed by Ray Data, checkpointed after each epoch.

The state lies in `<checkpoints>/<RUN>`; Ray Train goes on from the last one wherever a run of that name is found.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from hashcore.errors import ConfigError, HashcoreError, OutputError, require
from hashcore.machine import limits
from hashcore.storage import files
from jobs.config.environment import check_ray_address, starting
from jobs.config.pipeline import Pipeline
from jobs.config.sections.train import TrainConfig
from jobs.corpora.formats.corpus import Part
from jobs.stages import rejects
from jobs.training import readers, reading, worker
from jobs.training.board import Board, shown
from jobs.training.source import Source
from jobs.training.tracking import Place
from jobs.training.worker import DATASET, Work

if TYPE_CHECKING:
    import pyarrow as pa
    import ray
    from pyarrow.fs import FileSystem

    from hashcore.hasher import Hasher

RUN = "ray"
SETTINGS = {
    "RAY_DEDUP_LOGS": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.1",  # each report waits for a check; by default that takes 2 s
    "RAY_worker_maximum_startup_concurrency": "32",  # fewer logical CPUs than processes is no reason to warn
}


def fit(pipeline: Pipeline, source: Source) -> Hasher:
    """Train on Ray and return the hasher.

    Raises:
        ConfigError: If there are too few CPUs or rows for the workers.
        InvalidInputError: If the corpus cannot be learned from.
        OutputError: If workers failed for other reasons; the message holds the first one's.
    """
    require("ray", "train")
    from hashcore.training.checkpoint import TrainingState
    from hashcore.training.in_process import finished

    config = pipeline.train
    _check_rows(source, config)
    _check_judged(source, config)
    with cluster(config):
        import ray

        board = ray.remote(num_cpus=0)(Board).remote()
        work = Work(source, config, Place(pipeline.paths.checkpoints, pipeline.name), board)
        rejected = rejects.place_of(pipeline.paths.hasher)
        try:
            with shown(board, config.epochs * source.anchors):
                checkpoint = _run(pipeline.paths.checkpoints, work, rejected)
        except HashcoreError:
            reading.judge_rejected(source, config, rejected, at_least=True)  # perhaps the cause
            raise
        reading.judge_rejected(source, config, rejected)
        good = source.rows - len(rejects.read(rejected))
        with checkpoint.as_directory() as folder:
            return finished(folder, TrainingState(config=config.training(), inputs=source.inputs), good)


def _check_rows(source: Source, config: TrainConfig) -> None:
    """Raise ConfigError if a worker's share of the rows would not fill a batch."""
    if source.rows // config.workers < config.batch_size:
        raise ConfigError(
            f"train.workers={config.workers}: {source.rows} rows give each fewer than train.batch_size="
            f"{config.batch_size}; use fewer workers or smaller batches"
        )


def _check_judged(source: Source, config: TrainConfig) -> None:
    """Raise ConfigError if judgements are learned from and a worker could not hold all rows."""
    needed = source.rows * source.row_bytes()
    if config.judgements and needed > config.window_bytes:
        raise ConfigError(
            f"train.judgements: each worker must hold all {source.rows} rows, {needed} bytes, and train.window_bytes="
            f"{config.window_bytes}; raise it, or learn from labels"
        )


@contextmanager
def cluster(config: TrainConfig) -> Iterator[None]:
    """Connect to the Ray that runs here or at $RAY_ADDRESS, or start one here for as long as the block takes.

    A local Ray gets one logical CPU more than there are workers: Ray Data needs it, and would wait for it forever.

    Raises:
        ConfigError: If there are too few CPUs, or on a Ray that is started here too few GPUs.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        _check_cpus(config, int(ray.cluster_resources().get("CPU", 0)) - 1)
        yield
        return
    started = not os.environ.get("RAY_ADDRESS")
    if started:
        _check_cpus(config, limits.cores())
        _check_gpus(config)
    else:
        check_ray_address()
    local: dict[str, Any] = {"address": "local", "num_cpus": config.workers + 1, "include_dashboard": False}
    with starting("Ray", "RAY_ADDRESS, or unset it to start Ray here" if not started else "the variables RAY_…"):
        ray.init(**(local if started else {}), log_to_driver=_is_verbose(), logging_level="ERROR")
    try:
        _check_cpus(config, int(ray.cluster_resources().get("CPU", 0)) - 1)
        yield
    finally:
        ray.shutdown()


def _check_cpus(config: TrainConfig, free: int) -> None:
    """Raise ConfigError if there are more workers than CPUs for them."""
    key, needed = _fewest(config)
    if needed > free:
        raise ConfigError(
            f"train.{key}={needed} but there are CPUs for {max(free, 0)} beside the one that reads the corpus; use "
            f"train.{key} <= {max(free, 1)}, or train.in_process: true"
        )


def _check_gpus(config: TrainConfig) -> None:
    """Raise ConfigError if there are more workers than GPUs on this machine for them: Ray would wait forever."""
    import torch

    (key, needed), there = _fewest(config), torch.cuda.device_count()
    if config.gpu and needed > there:
        raise ConfigError(
            f"train.gpu=true gives each worker a GPU: train.{key}={needed} but torch finds {there} here; use "
            f"{f'train.{key} <= {there}' if there else 'train.gpu: false'}, or a cluster by $RAY_ADDRESS"
        )


def _fewest(config: TrainConfig) -> tuple[str, int]:
    """Return the fewest workers that will do, after the key that says so."""
    return ("min_workers", config.min_workers) if config.min_workers else ("workers", config.workers)


def _is_verbose() -> bool:
    """Return whether workers' logs shall be shown."""
    return os.environ.get("HASHCORE_VERBOSE", "") not in ("", "0")


def _run(storage: str, work: Work, rejected: str) -> ray.train.Checkpoint:
    """Run the workers and return the last checkpoint; rejected rows go to a folder."""
    from ray import data, train
    from ray.train.torch import TorchTrainer

    data.DataContext.get_current().enable_progress_bars = _is_verbose()
    system, place = _located(storage)
    options = data.ExecutionOptions(preserve_order=True)  # every run gives a worker the same rows
    trainer = TorchTrainer(
        partial(worker.run, work),
        scaling_config=train.ScalingConfig(num_workers=_workers(work.config), use_gpu=work.config.gpu),
        run_config=train.RunConfig(
            name=RUN,
            storage_path=place,
            storage_filesystem=system,
            failure_config=train.FailureConfig(max_failures=work.config.max_failures),
            checkpoint_config=train.CheckpointConfig(num_to_keep=1),
            logging_config=train.LoggingConfig(log_level="INFO" if _is_verbose() else "ERROR"),
        ),
        datasets={DATASET: _dataset(work.source, rejected)},
        dataset_config=train.DataConfig([] if work.config.judgements else "all", execution_options=options),
    )
    with _interruptible():
        try:
            return trainer.fit().checkpoint
        except train.TrainingFailedError as error:
            raise cause_of(error) from None


def _located(path: str) -> tuple[FileSystem | None, str]:
    """Return the file system of a URI, so that Ray reads the settings that all others do, and the path there."""
    return files.located(path) if files.is_uri(path) else (None, path)


def _workers(config: TrainConfig) -> int | tuple[int, int]:
    """Return the number of workers, or the fewest and the most; one CPU of the cluster is left to read the corpus."""
    if config.min_workers is None:
        return config.workers
    import ray

    free = int(ray.cluster_resources().get("CPU", 0)) - 1
    return config.min_workers, max(config.min_workers, min(config.workers, free))


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C within the block be a KeyboardInterrupt, and after it what it was before.

    Ray's own handler stays for the rest of the process, and ends it as if all had gone well.
    """
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit:
        raise KeyboardInterrupt from None
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


def cause_of(error: Exception) -> HashcoreError:
    """Return what a worker raised on purpose, else one line that says how the first of them failed."""
    failures = list(getattr(error, "worker_failures", {}).values()) or [error]
    for failure in failures:
        seen: BaseException | None = failure
        while seen is not None:
            if isinstance(seen, HashcoreError):
                return seen
            seen = getattr(seen, "cause", None) or seen.__cause__
    reason = str(failures[0]).strip().splitlines()[-1]
    return OutputError(f"training on Ray failed ({reason}); run it again to go on from its last epoch")


def _dataset(source: Source, rejected: str) -> ray.data.Dataset:
    """Return the corpus as Ray reads and decodes it; rejected rows go to a folder."""
    decoded = readers.on_ray(source, partial(_decoded, source, rejected))
    decoded.set_name("hashcore train: read and decode the corpus")  # as Ray's pages call it
    return decoded


def _decoded(source: Source, rejected: str, part: Part) -> Iterator[pa.Table]:
    """Read and decode a part; rejected rows go to a folder."""
    return (reading.decode(table, source, rejected) for table in readers.read_part(source, part))
