"""The epochs of a training, in one process or as one of several workers that all run this."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import isfinite

import numpy as np
import torch

from hashcore.errors import ConfigError, InvalidInputError, LearningError
from hashcore.hashers.quantization import outputs
from hashcore.labels import Labels
from hashcore.machine.devices import own_draws
from hashcore.networks.layers import initialization, preprocessing
from hashcore.training import augmentation
from hashcore.training.checkpoint import Epoch, TrainingState, restore
from hashcore.training.config import TrainingConfig, slower
from hashcore.training.data import Window, WindowPart, Windows
from hashcore.training.modality_networks import ModalityNetworks, Phase, classes_of
from hashcore.training.optimizer import make_optimizer
from hashcore.training.step import Items, Learner, Sums
from hashcore.training.workers import Workers, standardized

ALONE = Workers()
JUDGED = 1 << 32  # stands in for the number of the epoch where held-out rows are judged: alike in every epoch


def do_nothing(*_: object) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Hooks:
    """Functions called while training goes on; none by default.

    Attributes:
        on_batch: Called after each batch with the number of its anchors; an epoch has as many as rows to learn from.
        on_epoch: Called after each epoch with its learner and the state that includes it.
    """

    on_batch: Callable[[int], None] = do_nothing
    on_epoch: Callable[[Learner, TrainingState], None] = do_nothing


def train(
    state: TrainingState,
    windows: Windows,
    *,
    anchors: int,
    workers: Workers = ALONE,
    hooks: Hooks = Hooks(),
    checkpoints: str | None = None,
) -> tuple[Learner, TrainingState]:
    """Train until all epochs are done, as one of several workers that call this alike.

    Args:
        state: Configuration and inputs, with no epoch done.
        windows: This worker's rows.
        anchors: Number of this worker's rows, or judgements, over all windows.
        workers: The other workers.
        hooks: Called after batches and epochs.
        checkpoints: Folder to go on from, if it holds a state.

    Returns:
        The trained learner, and the state with all epochs done.
    """
    with own_draws():
        learner = begin(state, windows.first, workers)
        state = restore(checkpoints, learner, state) if checkpoints is not None else state
        while not state.is_done():
            state = state.after(run_epoch(learner, state, windows, anchors, workers, hooks))
            keep_best(learner, state)
            hooks.on_epoch(learner, state)
    return learner, state


def begin(state: TrainingState, window: Window, workers: Workers) -> Learner:
    """Return a learner with first weights and preprocessing that suit the windows of all workers.

    Raises:
        ConfigError: If L-BFGS is asked for with several workers, pre-training without labels, augmentation without
            images, or standardized projections of a network without a hash layer.
    """
    config = state.config
    if config.optimizer.name == "lbfgs" and workers.count > 1:
        raise ConfigError("train.optimizer=lbfgs searches along lines in one process; use train.workers=1, or sgd")
    augmentation.check(config.augmentation, {name: tuple(each.shape[1:]) for name, each in window.items.items()})
    torch.manual_seed(config.seed)
    module = state.networks()
    for name, branch in module.by_name().items():
        items = window.items[name][window.learned.rows]
        branch[0] = preprocessing.fit(config.branch(name).preprocessing or config.preprocessing, items, workers.add_up)
        initialization.start(branch, items, config.spread(), workers.add_up)
    if config.standardized:
        module.standardize(
            partial(standardized, deviation=config.spread(), workers=workers, together=config.join_batches)
        )
    _prepare_classes(module, config, window, workers)
    module = module.to(workers.device)
    wrapped = workers.wrap(module)
    forward = torch.compile(wrapped) if config.compile else wrapped
    return Learner(config, module, forward, make_optimizer(config.optimizer, module), workers)


def _prepare_classes(module: ModalityNetworks, config: TrainingConfig, window: Window, workers: Workers) -> None:
    """Give the networks classifiers if they are pre-trained."""
    if config.pretraining is None:
        return
    if not isinstance(window.supervision, Labels):
        raise ConfigError("train.pretraining classifies and needs labels; train from labels, or leave it out")
    module.prepare(classes_of(window.supervision, workers.add_up), outputs(config.code_length, config.kind))


def phase_of(config: TrainingConfig, number: int) -> tuple[Phase, int, int]:
    """Return the phase of an epoch, the first epoch of that phase, and the first one after it."""
    if config.pretraining is None:
        return "joint", 0, config.epochs
    first = config.pretraining.epochs
    second = first + config.pretraining.hash_epochs
    if number < first:
        return "classify", 0, first
    return ("hash", first, second) if number < second else ("joint", second, config.epochs)


def run_epoch(
    learner: Learner, state: TrainingState, windows: Windows, anchors: int, workers: Workers, hooks: Hooks
) -> Epoch:
    """Learn from every window once and judge what is held out; return the figures of all workers."""
    config, number = learner.config, len(state.history)
    phase, first, end = phase_of(config, number)
    losses = [epoch.loss for epoch in state.history[first:]]
    learned, judged, taken, started_s = Sums(), Sums(), 0, time.monotonic()
    for place, window in enumerate(windows):
        generator = np.random.default_rng([config.seed, number, workers.rank, place])
        torch.manual_seed(int(generator.integers(1 << 62)))  # for dropout
        for batch in window.learned.sampler.batches(config.batch_size, generator):
            progress = min(1.0, (number - first + taken / anchors) / (end - first))
            rate = config.optimizer.learning_rate * config.schedule.factor(progress, losses)
            learned = learned.add(learner.step(_items(window, window.learned, batch.rows), batch, rate, phase))
            taken += batch.taken
            hooks.on_batch(batch.taken)
        if config.standardized:
            keep_standardized(learner, window)
        judged = judged.add(judge_held_out(learner, window, place, workers, phase))
    sums = workers.add_up(torch.tensor([learned, judged], dtype=torch.float64))
    seconds = time.monotonic() - started_s
    epoch = _figures(number + 1, phase, Sums(*sums[0].tolist()), Sums(*sums[1].tolist()), seconds)
    _check_finite(epoch, config)
    return epoch


def keep_standardized(learner: Learner, window: Window) -> None:
    """Give projections the moments they have in training, over rows spread evenly over the windows of all workers."""
    rows = window.learned.rows[:: -(-len(window.learned.rows) // initialization.SAMPLE_ROWS)]
    for name, branch in learner.module.by_name().items():
        initialization.spread(branch, window.items[name][rows], learner.config.spread(), learner.workers.add_up)


def _check_finite(epoch: Epoch, config: TrainingConfig) -> None:
    """Raise LearningError where training has left the numbers; its state is not kept."""
    if not isfinite(epoch.loss):
        raise LearningError(
            f"the loss of epoch {epoch.epoch} is {epoch.loss}: its steps were too large; lower "
            f"train.optimizer.learning_rate={config.optimizer.learning_rate:g}, as in "
            f"{slower(config.optimizer)}, or try --set 'train.optimizer={{name: adamw}}'"
        )


def judge_held_out(learner: Learner, window: Window, place: int, workers: Workers, phase: Phase) -> Sums:
    """Judge what a window holds out, in the same batches in every epoch."""
    part, judged = window.held_out, Sums()
    if part is not None:
        generator = np.random.default_rng([learner.config.seed, JUDGED, workers.rank, place])
        for batch in part.sampler.batches(learner.config.batch_size, generator):
            judged = judged.add(learner.judge(_items(window, part, batch.rows), batch, phase))
    return judged


def _items(window: Window, part: WindowPart, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Items:
    """Return rows of a part of a window, in each modality."""
    return {name: values[part.rows[rows]] for name, values in window.items.items()}


def keep_best(learner: Learner, state: TrainingState) -> None:
    """Keep the weights of the epoch that has just been the best on what is held out, where training may stop early."""
    judged = state.judged()
    if learner.config.patience and judged and judged[-1] == min(judged) and state.history[-1].phase == "joint":
        learner.best = {name: value.detach().clone() for name, value in learner.module.state_dict().items()}


def _figures(number: int, phase: Phase, learned: Sums, judged: Sums, seconds: float) -> Epoch:
    """Return the figures of an epoch from its sums."""
    if learned.judged == 0:
        raise InvalidInputError(
            "no batch held an unrelated row beside a pair of similar ones; give a larger batch_size, or more rows per "
            "worker"
        )
    return Epoch(
        epoch=number,
        loss=learned.loss / learned.judged,
        violating=_share(learned.violating, learned.triplets),
        missed_bits=_share(learned.missed_bits, learned.triplets),
        triplets=int(learned.triplets),
        seconds=seconds,
        items_per_s=learned.items / seconds,
        phase=phase,
        validation_loss=_share(judged.loss, judged.judged),
        validation_violating=_share(judged.violating, judged.triplets),
    )


def _share(sum_: float, count: float) -> float | None:
    """Return a mean, None where there is nothing to take it of."""
    return sum_ / count if count else None
