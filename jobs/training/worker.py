"""A worker of a training on Ray: the same steps as in one process, kept in step with the others."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.config.sections.train import TrainConfig
from jobs.training import reading, tracking
from jobs.training.board import Teller
from jobs.training.source import Source
from jobs.training.tracking import Place

if TYPE_CHECKING:
    import ray
    from torch import Tensor

    from hashcore.training.checkpoint import TrainingState
    from hashcore.training.config import TrainingConfig
    from hashcore.training.data import Window
    from hashcore.training.step import Learner
    from hashcore.training.workers import Workers

DATASET = "train"


class Work(NamedTuple):
    """Parameters that all workers share."""

    source: Source
    config: TrainConfig
    place: Place
    board: Any


def run(work: Work) -> None:
    """Train as one of the workers."""
    import torch
    from ray import train as ray_train

    from hashcore.training.checkpoint import TrainingState, read_state
    from hashcore.training.data import Windows
    from hashcore.training.loop import Hooks, do_nothing, train

    torch.set_num_threads(work.config.threads)
    shard, workers = ray_train.get_dataset_shard(DATASET), join_workers(work.config)
    checkpoint, source = ray_train.get_checkpoint(), work.source
    with checkpoint.as_directory() if checkpoint else nullcontext() as folder:
        state = read_state(folder) if folder else None
        teller = Teller(work.board, workers.count, source.anchors * len(state.history) if state else 0)
        train(
            TrainingState(config=work.config.training(), inputs=source.inputs),
            Windows(partial(windows, shard, work, workers)),
            anchors=source.anchors // workers.count,
            workers=workers,
            hooks=Hooks(teller.on_batch if workers.rank == 0 else do_nothing, partial(_report, work, workers.rank)),
            checkpoints=folder,
        )


def join_workers(config: TrainingConfig) -> Workers:
    """Return this worker's place among the others, and how they keep in step."""
    import torch
    from ray import train
    from ray.train.torch import get_device, prepare_model
    from torch import distributed
    from torch.distributed.nn import functional

    from hashcore.training.workers import Workers

    device, context = get_device(), train.get_context()

    def gather(tensor: Tensor) -> Tensor:
        if not distributed.is_initialized():
            return tensor
        return torch.cat(functional.all_gather(tensor.contiguous()))  # type: ignore[no-untyped-call]

    def add_up(tensor: Tensor) -> Tensor:
        total = tensor.detach().clone().to(device)
        if distributed.is_initialized():
            distributed.all_reduce(total)
        return total.to(tensor.device)

    in_step = {
        "broadcast_buffers": False,  # they change alike everywhere, if they change at all
        "find_unused_parameters": config.pretraining is not None,  # each stage learns some of the layers
    }
    wrap = partial(prepare_model, parallel_strategy_kwargs=in_step)
    return Workers(context.get_world_rank(), context.get_world_size(), add_up, gather, wrap, device)


def windows(shard: ray.data.DataIterator, work: Work, workers: Workers) -> Iterator[Window]:
    """Read this worker's rows, in as few windows of about equal size as its memory allows."""
    source, config = work.source, work.config
    shares = 1 if config.judgements else workers.count  # parts that the rows are divided into
    share = source.rows // shares
    limit = max(config.batch_size, config.window_bytes // source.row_bytes())
    count, good = -(-share // limit), 0
    for table in shard.iter_batches(batch_size=-(-share // count), batch_format="pyarrow"):
        good += len(table)
        yield reading.window(table, source, config, workers.rank, workers.count)
    remainder = shares - 1  # rows that an equal split may leave out
    reading.judge(min(source.rows, good * shares + remainder) if good else 0, source, config)


def _report(work: Work, rank: int, learner: Learner, state: TrainingState) -> None:
    """Report an epoch, and keep its state; every worker waits here for the others."""
    from ray import train

    from hashcore.training.checkpoint import save

    with tempfile.TemporaryDirectory() as folder:
        if rank == 0:
            save(folder, learner, state)
            tracking.track(work.config.tracking, work.place, state.history[-1])
        checkpoint = train.Checkpoint.from_directory(folder) if rank == 0 else None
        train.report(state.history[-1].model_dump(mode="json"), checkpoint=checkpoint)
