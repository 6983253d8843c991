"""Losses by the names of their specs: a new one needs its file, whose function is named like it, and its spec."""

from __future__ import annotations

from functools import partial
from importlib import import_module

from hashcore.losses.spec import LossSpec
from hashcore.supervision.relations import Loss


def choose(spec: LossSpec) -> Loss:
    """Return the loss that a spec describes, its parameters filled in."""
    loss = getattr(import_module(f"hashcore.losses.{spec.name}"), spec.name)
    return partial(loss, **spec.model_dump(exclude={"name"}))
