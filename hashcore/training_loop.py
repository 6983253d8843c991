"""The epochs of a training, in one process or as one of several workers that all run this."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from hashcore.errors import InvalidInputError
from hashcore.networks import first_weights, preprocessing
from hashcore.sampling import batches
from hashcore.training_data import Window, Windows
from hashcore.training_state import Epoch, Standing, restore
from hashcore.training_step import Learner, Tally, make_optimizer

JUDGED = 1 << 32  # stands in for the number of the epoch where held-out rows are judged: alike in every epoch


def ignore(*_told: object) -> None:
    """Do nothing with what one is told."""


@dataclass(frozen=True)
class Peers:
    """The workers that train together; by default there is only this one.

    Attributes:
        rank: Number of this worker.
        add_up: Returns the sum of a tensor over all workers.
        wrap: Returns a module whose gradients are averaged over all workers.
        device: Where this worker computes.
    """

    rank: int = 0
    add_up: Callable[[Tensor], Tensor] = lambda tensor: tensor
    wrap: Callable[[nn.Module], nn.Module] = lambda module: module
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))


@dataclass(frozen=True)
class Hooks:
    """What is told while training goes on; nothing by default.

    Attributes:
        on_batch: Called after each batch with the number of its anchors; an epoch has as many as rows to learn from.
        on_epoch: Called after each epoch with its learner and the standing that includes it.
    """

    on_batch: Callable[[int], None] = ignore
    on_epoch: Callable[[Learner, Standing], None] = ignore


def train(
    standing: Standing,
    windows: Windows,
    *,
    rows: int,
    peers: Peers = Peers(),
    hooks: Hooks = Hooks(),
    checkpoints: str | None = None,
) -> tuple[Learner, Standing]:
    """Train until all epochs are done, as one of several workers that call this alike.

    Args:
        standing: What is wanted, with no epoch done.
        windows: This worker's rows.
        rows: Number of this worker's rows over all windows.
        peers: The other workers.
        hooks: What to tell.
        checkpoints: Folder to go on from, if it holds a state.

    Returns:
        The trained learner, and the standing with all epochs done.
    """
    with torch.random.fork_rng():
        learner = begin(standing, windows.first, peers)
        standing = restore(checkpoints, learner, standing) if checkpoints is not None else standing
        for number in range(len(standing.history), standing.config.epochs):
            standing = standing.after(run_epoch(learner, windows, number, rows, peers, hooks))
            hooks.on_epoch(learner, standing)
    return learner, standing


def begin(standing: Standing, window: Window, peers: Peers) -> Learner:
    """Return a learner with first weights and preprocessing that suit the windows of all workers."""
    config = standing.config
    torch.manual_seed(config.seed)
    module = standing.modality().module(config.code_length)
    items = window.items[window.learned.rows]
    module[0] = preprocessing.fit(config.preprocessing, items, peers.add_up)
    first_weights.spread(module, items, config.first_spread * config.loss.scale, peers.add_up)
    module = module.to(peers.device)
    return Learner(config, module, peers.wrap(module), make_optimizer(config, module), peers.device)


def run_epoch(learner: Learner, windows: Windows, number: int, rows: int, peers: Peers, hooks: Hooks) -> Epoch:
    """Learn from every window once and judge what is held out; return the figures of all workers."""
    config, learned, judged, anchors, started_s = learner.config, Tally(), Tally(), 0, time.monotonic()
    for place, window in enumerate(windows):
        generator = np.random.default_rng([config.seed, number, peers.rank, place])
        torch.manual_seed(int(generator.integers(1 << 62)))  # for dropout
        part = window.learned
        for batch in batches(part.supervision, config.batch_size, generator):
            progress = min(1.0, (number + anchors / rows) / config.epochs)
            learned = learned.add(learner.step(window.items[part.rows[batch.rows]], batch, progress))
            anchors += len(batch.rows) // 2
            hooks.on_batch(len(batch.rows) // 2)
        judged = judged.add(judge_held_out(learner, window, place, peers))
    sums = peers.add_up(torch.tensor([learned, judged], dtype=torch.float64))
    return _figures(number + 1, Tally(*sums[0].tolist()), Tally(*sums[1].tolist()), time.monotonic() - started_s)


def judge_held_out(learner: Learner, window: Window, place: int, peers: Peers) -> Tally:
    """Judge the held-out rows of a window, in the same batches in every epoch."""
    part, judged = window.held_out, Tally()
    if part is not None:
        generator = np.random.default_rng([learner.config.seed, JUDGED, peers.rank, place])
        for batch in batches(part.supervision, learner.config.batch_size, generator):
            judged = judged.add(learner.judge(window.items[part.rows[batch.rows]], batch))
    return judged


def _figures(number: int, learned: Tally, judged: Tally, seconds: float) -> Epoch:
    """Return the figures of an epoch from its sums."""
    if learned.triplets == 0:
        raise InvalidInputError("no batch held an unrelated row; give a larger batch_size, or more rows per worker")
    return Epoch(
        epoch=number,
        loss=learned.loss / learned.triplets,
        violating=learned.violating / learned.triplets,
        missed_bits=learned.missed_bits / learned.triplets,
        triplets=int(learned.triplets),
        seconds=seconds,
        items_per_s=learned.items / seconds,
        validation_loss=judged.loss / judged.triplets if judged.triplets else None,
        validation_violating=judged.violating / judged.triplets if judged.triplets else None,
    )
