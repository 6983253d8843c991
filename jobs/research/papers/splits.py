"""Splits of a data set as the papers make them: training items, database and queries, by name."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hashcore.errors import ConfigError
from hashcore.spec import Spec

Rows = NDArray[np.int64]


class Split(NamedTuple):
    """Row numbers, ascending.

    Attributes:
        train: Rows that are learned from.
        database: Rows that are searched.
        queries: Rows that are asked.
    """

    train: Rows
    database: Rows
    queries: Rows


class PerClass(Spec):
    """Queries drawn at random, equally many of each class; all others are the database (KSH's protocol)."""

    name: Literal["per_class"] = "per_class"
    queries: int = Field(default=100, ge=1)
    """Queries of each class."""
    train: int | None = Field(default=None, ge=2)
    """Rows of each class of the database that are learned from; none takes the whole database."""
    seed: int = 0
    """Decides which."""

    def divide(self, classes: NDArray[np.int32], _is_test: NDArray[np.bool_]) -> Split:
        """Return the division of items with these classes.

        Raises:
            ConfigError: If a class is too small.
        """
        generator = np.random.default_rng(self.seed)
        order = generator.permutation(len(classes))
        ranks = _ranks_within_class(classes[order])
        needed = self.queries + (self.train or 1)
        if np.unique(classes, return_counts=True)[1].min() < needed:
            raise ConfigError(f"data.split: a class has fewer than {needed} items; take fewer of each")
        queries, others = order[ranks < self.queries], order[ranks >= self.queries]
        train = others if self.train is None else order[(ranks >= self.queries) & (ranks < needed)]
        return Split(np.sort(train), np.sort(others), np.sort(queries))

    def describe(self, split: Split) -> str:
        """Return the division in words."""
        learned = "the whole database" if self.train is None else f"{len(split.train):,} of it, {self.train} a class"
        return (
            f"{len(split.queries):,} queries, {self.queries} a class at random; database the other "
            f"{len(split.database):,}; learned from {learned}"
        )


class Standard(Spec):
    """The data set's own division into training and test items."""

    name: Literal["standard"] = "standard"
    train: int | None = Field(default=None, ge=2)
    """The first training items alone; none takes all."""
    asks: Literal["test", "train"] = "test"
    """Whether test items are asked for in the training items, or the other way round."""

    def divide(self, _classes: NDArray[np.int32], is_test: NDArray[np.bool_]) -> Split:
        """Return the division of items with these marks."""
        train = np.flatnonzero(~is_test)[: self.train]
        test = np.flatnonzero(is_test)
        return Split(train, train, test) if self.asks == "test" else Split(train, test, train)

    def describe(self, split: Split) -> str:
        """Return the division in words."""
        if self.asks == "test":
            return (
                f"{len(split.queries):,} test queries; database and learned from: {len(split.train):,} training items"
            )
        return (
            f"{len(split.queries):,} training items learned from and asked; database {len(split.database):,} test items"
        )


SplitSpec = Annotated[PerClass | Standard, Field(discriminator="name")]


def _ranks_within_class(classes: NDArray[np.int32]) -> Rows:
    """Return for each item how many of its class come before it."""
    order = np.argsort(classes, kind="stable")
    starts = np.searchsorted(classes[order], classes[order])
    ranks = np.empty(len(classes), np.int64)
    ranks[order] = np.arange(len(classes)) - starts
    return ranks
