"""What each worker of a training on Ray does: the same steps as in one process, kept in step with the others."""

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

    from hashcore.training.checkpoint import Standing
    from hashcore.training.config import TrainingConfig
    from hashcore.training.data import Window
    from hashcore.training.step import Learner
    from hashcore.training.workers import Peers

DATASET = "train"


class Work(NamedTuple):
    """What every worker is told."""

    source: Source
    config: TrainConfig
    place: Place
    board: Any


def run(work: Work) -> None:
    """Train as one of the workers."""
    import torch
    from ray import train as ray_train

    from hashcore.training.checkpoint import Standing, read_standing
    from hashcore.training.data import Windows
    from hashcore.training.loop import Hooks, ignore, train

    torch.set_num_threads(work.config.threads)
    shard, peers = ray_train.get_dataset_shard(DATASET), join_peers(work.config)
    checkpoint, source = ray_train.get_checkpoint(), work.source
    with checkpoint.as_directory() if checkpoint else nullcontext() as folder:
        standing = read_standing(folder) if folder else None
        teller = Teller(work.board, peers.count, source.turns * len(standing.history) if standing else 0)
        train(
            Standing(config=work.config.training(), inputs=source.inputs),
            Windows(partial(_windows, shard, work, peers)),
            turns=source.turns // peers.count,
            peers=peers,
            hooks=Hooks(teller.on_batch if peers.rank == 0 else ignore, partial(_report, work, peers.rank)),
            checkpoints=folder,
        )


def join_peers(config: TrainingConfig) -> Peers:
    """Return this worker's place among the others, and how they keep in step."""
    import torch
    from ray import train
    from ray.train.torch import get_device, prepare_model
    from torch import distributed
    from torch.distributed.nn import functional

    from hashcore.training.workers import Peers

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
    return Peers(context.get_world_rank(), context.get_world_size(), add_up, gather, wrap, device)


def _windows(shard: ray.data.DataIterator, work: Work, peers: Peers) -> Iterator[Window]:
    """Read this worker's rows, in as few windows of about equal size as its memory allows."""
    source, config = work.source, work.config
    shares = 1 if config.judgements else peers.count  # parts that the rows are divided into
    share = source.rows // shares
    limit = max(config.batch_size, config.window_bytes // source.row_bytes())
    count, good = -(-share // limit), 0
    for table in shard.iter_batches(batch_size=-(-share // count), batch_format="pyarrow"):
        good += len(table)
        yield reading.window(table, source, config, peers.rank, peers.count)
    remainder = shares - 1  # rows that an equal split may leave out
    reading.judge(min(source.rows, good * shares + remainder) if good else 0, source, config)


def _report(work: Work, rank: int, learner: Learner, standing: Standing) -> None:
    """Report an epoch, and keep its state; every worker waits here for the others."""
    from ray import train

    from hashcore.training.checkpoint import save

    with tempfile.TemporaryDirectory() as folder:
        if rank == 0:
            save(folder, learner, standing)
            tracking.track(work.config.tracking, work.place, standing.history[-1])
        checkpoint = train.Checkpoint.from_directory(folder) if rank == 0 else None
        train.report(standing.history[-1].model_dump(mode="json"), checkpoint=checkpoint)
