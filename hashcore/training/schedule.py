"""Schedules of the step size as configuration; reading this needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import cos, pi
from typing import Annotated, Literal

from pydantic import Field

from hashcore.spec import Spec


class Schedule(Spec):
    """A curve over the whole training."""

    name: Literal["cosine", "constant", "annealed"] = "cosine"
    """`cosine` falls to zero along half a cosine, `annealed` to `final` at a constant rate; `constant` stays."""
    warmup: float = Field(default=0.1, ge=0, lt=1)
    """Share of the training in which the step size rises in a line from zero."""
    final: float = Field(default=0.01, gt=0, le=1)
    """Share of the step size that `annealed` ends with."""

    def factor(self, progress: float, _losses: Sequence[float] = ()) -> float:
        """Return the factor of the step size at a share `progress` of the training, from 0 to 1.

        >>> [round(Schedule(warmup=0.2).factor(progress), 3) for progress in (0.1, 0.2, 0.6, 1.0)]
        [0.5, 1.0, 0.5, 0.0]
        >>> [Schedule(name="annealed", warmup=0, final=0.01).factor(progress) for progress in (0, 0.5, 1)]
        [1.0, 0.1, 0.01]
        """
        if progress < self.warmup:
            return progress / self.warmup
        after = (progress - self.warmup) / (1 - self.warmup)
        if self.name == "constant":
            return 1.0
        return float(self.final**after) if self.name == "annealed" else (1 + cos(pi * after)) / 2


class BoldDriver(Spec):
    """Faster while the objective falls, half as fast when it has risen (HDML §5)."""

    name: Literal["bold_driver"] = "bold_driver"
    every: int = Field(default=25, ge=1)
    """Epochs whose mean objective is compared with that of as many before."""
    faster: float = Field(default=1.05, ge=1)
    """Factor of the step size when the mean has fallen."""
    slower: float = Field(default=0.5, gt=0, lt=1)
    """Factor of the step size otherwise."""

    def factor(self, _progress: float, losses: Sequence[float] = ()) -> float:
        """Return the factor of the step size after epochs with some mean objectives.

        >>> driver = BoldDriver(every=1)
        >>> [driver.factor(0, losses) for losses in ([], [3.0], [3.0, 2.0], [3.0, 2.0, 2.5])]
        [1.0, 1.0, 1.05, 0.525]
        """
        spans = [losses[start : start + self.every] for start in range(0, len(losses), self.every)]
        means = [sum(span) / len(span) for span in spans if len(span) == self.every]
        factor = 1.0
        for before, after in pairwise(means):
            factor *= self.faster if after < before else self.slower
        return factor


ScheduleSpec = Annotated[Schedule | BoldDriver, Field(discriminator="name")]
