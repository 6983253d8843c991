"""The same batches learned from by two workers that join them, and by one that is given them joined."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from hashcore.inputs.features import FeatureInput
from hashcore.labels import Labels
from hashcore.losses.spec import DeepHash, NnHash, PairwiseHinge
from hashcore.networks.spec import Mlp
from hashcore.supervision.batch import Batch
from hashcore.training.checkpoint import TrainingState
from hashcore.training.config import TrainingConfig
from hashcore.training.data import Window, WindowPart, Windows
from hashcore.training.loop import train
from hashcore.training.workers import Workers

ROWS = 120
BASE = TrainingConfig(code_length=16, network=Mlp(hidden=(16,)), epochs=3, batch_size=16, join_batches=True)
CONFIGS = [
    BASE,
    BASE.model_copy(update={"negatives": "drawn", "loss": PairwiseHinge(threshold=3)}),
    BASE.model_copy(update={"network": Mlp(hidden=(16,), bounded=True), "loss": NnHash(margin=3)}),
    BASE.model_copy(update={"standardized": True, "loss": DeepHash()}),
]
CLASSES = np.arange(ROWS) // 2 % 3
ITEMS = np.random.default_rng(0).standard_normal((ROWS, 5)).astype(np.float32)
ITEMS[:, 0] += 2 * CLASSES


def share(rank):
    """The rows of one of two workers."""
    labels = Labels.from_lists(CLASSES[rank::2, None].tolist())
    return Window({"a": torch.from_numpy(ITEMS[rank::2].copy())}, labels)


def figures(config, window, anchors, workers):
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    wanted = TrainingState(config=config, inputs={"a": FeatureInput(dimensions=5)})
    _, state = train(wanted, Windows(lambda: iter([window])), anchors=anchors, workers=workers)
    torch.set_num_threads(before)
    return [(epoch.loss, epoch.violating, epoch.missed_bits, epoch.triplets) for epoch in state.history]


def by_two_workers(path):
    """Train as one of two workers on Ray; the first writes the figures of all configurations down."""
    from jobs.training.worker import join_workers

    all_figures = []
    for config in CONFIGS:
        workers = join_workers(config)
        all_figures.append(figures(config, share(workers.rank), ROWS // 2, workers))
    if workers.rank == 0:
        Path(path).write_text(json.dumps(all_figures))


class BothShares:
    """The batches that two workers draw, joined."""

    def __init__(self, seed):
        self.seed, self.epoch = seed, 0

    def batches(self, batch_size, _generator):
        generators = [np.random.default_rng([self.seed, self.epoch, rank, 0]) for rank in (0, 1)]
        for generator in generators:
            generator.integers(1 << 62)  # as a training does for dropout
        self.epoch += 1
        drawn = [share(rank).learned.sampler.batches(batch_size, generators[rank]) for rank in (0, 1)]
        for first, second in zip(*drawn, strict=True):
            shift = len(first.rows)
            rows = np.concatenate([2 * first.rows, 2 * second.rows + 1])
            yield Batch(
                rows,
                np.concatenate([first.anchors, second.anchors + shift]),
                np.concatenate([first.positives, second.positives + shift]),
                np.concatenate([first.negatives, np.where(second.negatives < 0, -1, second.negatives + shift)]),
                np.where(CLASSES[rows][:, None] == CLASSES[rows], 1, -1).astype(np.int8),
                first.taken + second.taken,
            )


class JoinedWindow(Window):
    """All rows, learned from in the joined batches of two workers."""

    @property
    def learned(self):
        return WindowPart(np.arange(ROWS), self.both)


def by_one_worker(config):
    window = JoinedWindow({"a": torch.from_numpy(ITEMS)}, Labels.from_lists(CLASSES[:, None].tolist()))
    object.__setattr__(window, "both", BothShares(config.seed))
    return figures(config, window, ROWS, Workers())
