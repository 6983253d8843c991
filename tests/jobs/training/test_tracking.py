"""Figures of each epoch in a tracker."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest
from training_corpus import pipeline

from hashcore.errors import MissingExtraError
from hashcore.hasher import Hasher
from jobs import train
from jobs.training import tracking


def test_the_figures_of_each_epoch_can_be_followed_in_tensorboard(root):
    train.run(pipeline(root, tracking="tensorboard"))
    written = [path.read_bytes() for path in (root / "checkpoints" / "tensorboard").iterdir()]
    assert [events.count(b"train/loss") for events in written] == [1, 1, 1]


def test_the_figures_of_each_epoch_go_to_one_mlflow_run(root, monkeypatch):
    told, begun = [], []

    class Run:
        info = type("Info", (), {"run_id": "r1"})

        def __enter__(self):
            return self

        def __exit__(self, *_error):
            pass

    def start_run(run_id=None, run_name=None):
        begun.append(run_id or run_name)
        return Run()

    stand_in = ModuleType("mlflow")
    stand_in.__spec__ = ModuleSpec("mlflow", None)
    stand_in.set_experiment = lambda name: None
    stand_in.start_run = start_run
    stand_in.log_metrics = lambda figures, step: told.append((step, figures["loss"]))
    monkeypatch.setitem(sys.modules, "mlflow", stand_in)
    train.run(pipeline(root, tracking="mlflow"))
    history = Hasher.load(pipeline(root).paths.hasher).provenance["history"]
    assert told == [(epoch["epoch"], epoch["loss"]) for epoch in history]
    assert begun == ["a", "r1", "r1", "r1"]


def test_a_tracker_that_is_not_installed_is_said_before_training(root, monkeypatch):
    monkeypatch.setitem(tracking.MODULES, "mlflow", "no_such_tracker")
    with pytest.raises(MissingExtraError, match=r"pip install 'hashcore\[tracking\]'"):
        train.run(pipeline(root, tracking="mlflow"))
