"""Training data: rows and who is similar to whom, held in memory one window at a time.

A *window* is as many rows as a worker holds at once. All rows are one window where they fit; otherwise each epoch goes
through the windows one by one, and triplets are drawn within each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from hashcore.errors import InvalidInputError
from hashcore.labels import Labels
from hashcore.supervision.batch import Sampler
from hashcore.supervision.judgements import Supervision
from hashcore.supervision.shared_labels import supervise


@dataclass(frozen=True)
class WindowPart:
    """Some rows of a window, and who among them is similar to whom; the sampler numbers the rows from 0."""

    rows: NDArray[np.int64]
    sampler: Sampler


@dataclass(frozen=True)
class Window:
    """Rows held in memory.

    Attributes:
        items: In each modality, shape (n, *shape).
        supervision: Labels of the n rows, or judgements of pairs or triplets of them.
        validation_share: Share of the rows, or of the judgements, to hold out, chosen at random.
        seed: Decides which.
    """

    items: Mapping[str, Tensor]
    supervision: Supervision
    validation_share: float = 0.0
    seed: int = 0

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.items.values())))

    @cached_property
    def learned(self) -> WindowPart:
        """The part that is learned from."""
        return self._part(self._order[self._held_out :])

    @cached_property
    def held_out(self) -> WindowPart | None:
        """The part that is judged instead; None where nothing is held out."""
        return self._part(self._order[: self._held_out]) if self._held_out else None

    @property
    def _held_out(self) -> int:
        """Return the number of rows or judgements held out; the same for equally many."""
        return int(self.validation_share * len(self.supervision))

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        """The rows or judgements in random order."""
        return np.random.default_rng(self.seed).permutation(len(self.supervision))

    def _part(self, chosen: NDArray[np.int64]) -> WindowPart:
        """Return some of the rows, in ascending order, or all rows with some of the judgements."""
        ascending = np.sort(chosen)
        if isinstance(self.supervision, Labels):
            return WindowPart(ascending, supervise(self.supervision.take(ascending)))
        return WindowPart(np.arange(len(self)), self.supervision.take(ascending))


class Windows:
    """The windows of one epoch after another; read again for each epoch, unless one window holds all rows."""

    def __init__(self, read: Callable[[], Iterator[Window]]) -> None:
        self._read = read
        self._begun: Iterator[Window] | None = None
        self._only: Window | None = None

    @cached_property
    def first(self) -> Window:
        """The first window of the first epoch.

        Raises:
            InvalidInputError: If there is none.
        """
        self._begun = self._read()
        window = next(self._begun, None)
        if window is None:
            raise InvalidInputError("there are no rows to learn from; give a corpus with at least two classes")
        return window

    def __iter__(self) -> Iterator[Window]:
        """Go through the windows of an epoch."""
        if self._only is not None:
            yield self._only
            return
        first, begun = self._start()
        yield first
        count = 1
        for window in begun:
            count += 1
            yield window
        self._only = first if count == 1 else None

    def _start(self) -> tuple[Window, Iterator[Window]]:
        """Return the first window of an epoch and the reader of the others."""
        first, begun = self.first, self._begun
        self._begun = None
        if begun is not None:
            return first, begun
        begun = self._read()
        return next(begun), begun
