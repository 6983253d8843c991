"""Queries to look at, with their nearest neighbors: some drawn at random, and those that rank worst."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcore.evaluation.ties import Floats
from jobs.evaluation.metrics import Example, Shown
from jobs.evaluation.tally import Queries, Tally


def draw(ids: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Return `count` of the query ids, or all if there are fewer, whatever the order of `ids`."""
    return np.random.default_rng(seed).permutation(np.sort(ids))[:count]


class Choice(NamedTuple):
    """Queries to show: those of some ids, and the `worst` of each block; and the number of neighbors of each."""

    drawn: NDArray[np.int64]
    worst: int
    neighbors: int


def of_block(queries: Queries, tally: Tally, average_precision: Floats, choice: Choice) -> list[Example]:
    """Return the examples of one block of queries: those drawn, and those with the lowest average precision.

    Args:
        queries: The block.
        tally: Its tally over the whole database.
        average_precision: Of each query, shape (q,); NaN for one without relevant items, which cannot be worst.
        choice: Which queries to show.
    """

    def example(row: int, chosen: Literal["random", "worst"]) -> Example:
        precision = float(average_precision[row])
        return Example(
            id=int(queries.ids[row]),
            labels=queries.labels.of(row).tolist(),
            average_precision=None if np.isnan(precision) else precision,
            chosen=chosen,
            neighbors=_shown(tally, row, choice.neighbors),
        )

    defined = int((~np.isnan(average_precision)).sum())
    lowest = np.lexsort((queries.ids, average_precision))[: min(choice.worst, defined)]
    return [
        *(example(int(row), "random") for row in np.flatnonzero(np.isin(queries.ids, choice.drawn))),
        *(example(int(row), "worst") for row in lowest),
    ]


def select(examples: Sequence[Example], worst: int) -> list[Example]:
    """Return the examples of all blocks: every drawn one by id, then the worst of all, the very worst first."""
    drawn = sorted((each for each in examples if each.chosen == "random"), key=lambda each: each.id)
    lowest = [each for each in examples if each.chosen == "worst"]
    return [*drawn, *sorted(lowest, key=lambda each: (each.average_precision, each.id))[:worst]]


def _shown(tally: Tally, row: int, count: int) -> list[Shown]:
    """Return the nearest `count` neighbors of a query."""
    start, stop = tally.neighbors.offsets[row : row + 2]
    part = slice(start, min(start + count, stop))
    columns = (tally.neighbors.ids, tally.neighbors.distances, tally.relevant, tally.classes)
    return [
        Shown(id=id_, distance=distance, relevant=relevant, label=label)
        for id_, distance, relevant, label in zip(*(column[part].tolist() for column in columns), strict=True)
    ]
