"""A measure as a value: it prints as a configuration types it, and knows the protocol that it follows.

A new measure is a file in `hashcore.evaluation.measures`: a frozen dataclass below one of the bases here.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self, TypeVar

from hashcore.errors import InvalidInputError
from hashcore.evaluation import measures
from hashcore.evaluation.counts import Counts, mean
from hashcore.evaluation.ties import Floats, Ties

if TYPE_CHECKING:
    from hashcore.evaluation.ranking import Ranking

WITHIN = "mean over queries, precision 0 where none is found"  # protocol of what is counted within a radius
NUMBERS = {"k": r"[1-9]\d*", "radius": r"\d+"}  # how a field of that name is typed


class Value(NamedTuple):
    """A figure, and half the distance between the worst and the best order of ties; 0 where ties do not matter."""

    mean: float
    ties: float = 0.0


@dataclass(frozen=True)
class Measure:
    """A measure of a ranking, with its cut-off or its radius."""

    forms: ClassVar[tuple[str, ...]]
    """As it is typed, a number in braces: `P@{k}`."""
    protocol: ClassVar[str] = "complete ranking"
    """Ranking that it judges, in words."""

    def __str__(self) -> str:
        """Return the form that `parse` reads."""
        return self.forms[0].format(**vars(self))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the measure that prints as `text`, or None if none of this kind does."""
        form = re.sub(r"\\{(\w+)\\}", lambda found: f"(?P<{found[1]}>{NUMBERS[found[1]]})", re.escape(cls.forms[0]))
        found = re.fullmatch(form, text)
        return None if found is None else cls(**{name: int(number) for name, number in found.groupdict().items()})

    def of(self, ranking: Ranking) -> Value:
        """Return the figure of a complete ranking."""
        raise NotImplementedError


@dataclass(frozen=True)
class PerQuery(Measure):
    """The mean over queries of a value that each has by its counts at each distance."""

    divisor: ClassVar[str]
    """Divisor of a query's sum in words, a number in braces."""
    without_relevant: ClassVar[str] = "left out of the mean"
    """The lot of a query without relevant items, in words."""
    orders: ClassVar[tuple[Ties, ...]] = ("expected", "best", "worst")
    """Orders of tied items that it tells apart."""

    @property
    def denominator(self) -> str:
        """The divisor of a query's sum, in words."""
        return self.divisor.format(**vars(self))

    @property
    def has_ties(self) -> bool:
        """True where the order of tied items matters."""
        return len(self.orders) > 1

    def per_query(self, all_counts: Counts, relevant_counts: Counts, ties: Ties = "expected") -> Floats:
        """Return the value of each query, float64 of shape (q,); NaN where it is not defined.

        Args:
            all_counts: Items at each distance, int64 of shape (q, L + 1).
            relevant_counts: Relevant items at each distance, int64 of shape (q, L + 1).
            ties: Order of items at one distance.
        """
        raise NotImplementedError

    def of(self, ranking: Ranking) -> Value:
        """Return the mean over queries, in the expectation over orders of ties."""
        counts = (ranking.all_counts, ranking.relevant_counts)
        means = [mean(self.per_query(*counts, ties)) for ties in self.orders]
        return Value(means[0], (means[1] - means[2]) / 2) if self.has_ties else Value(means[0])


@dataclass(frozen=True)
class AtRank(PerQuery):
    """A measure of the first k items, by a function of (all_counts, relevant_counts, k, ties)."""

    k: int
    compute: ClassVar[Callable[..., Floats]]

    def per_query(self, all_counts: Counts, relevant_counts: Counts, ties: Ties = "expected") -> Floats:
        """Return the value of each query, float64 of shape (q,); arguments as for `PerQuery.per_query`."""
        return type(self).compute(all_counts, relevant_counts, self.k, ties)


@dataclass(frozen=True)
class WithinRadius(PerQuery):
    """A measure within a radius, which splits no tie, by a function of (all_counts, relevant_counts, radius)."""

    radius: int
    compute: ClassVar[Callable[..., Floats]]
    orders: ClassVar[tuple[Ties, ...]] = ("expected",)
    protocol: ClassVar[str] = WITHIN

    def per_query(self, all_counts: Counts, relevant_counts: Counts, _ties: Ties = "expected") -> Floats:
        """Return the value of each query, float64 of shape (q,); arguments as for `PerQuery.per_query`."""
        return type(self).compute(all_counts, relevant_counts, self.radius)


M = TypeVar("M", bound=Measure)


@cache
def kinds() -> tuple[type[Measure], ...]:
    """Return all measures, by the names of their files."""
    names = [f"{measures.__name__}.{each.name}" for each in pkgutil.iter_modules(measures.__path__)]
    found = [(name, each) for name in names for each in vars(import_module(name)).values() if isinstance(each, type)]
    return tuple(each for name, each in found if issubclass(each, Measure) and each.__module__ == name)


def parse(text: str) -> PerQuery:
    """Return the measure, averaged over queries, that prints as `text`.

    Raises:
        InvalidInputError: If no measure prints like that.

    >>> str(parse("mAP@1000")), parse("P(r<=2)").denominator
    ('mAP@1000', 'items within the radius; 0 where there are none')
    """
    return parse_as(PerQuery, text)


def parse_as(kind: type[M], text: str) -> M:
    """Return the measure of a kind that prints as `text`; `Measure` takes those of the papers' tables, too.

    Raises:
        InvalidInputError: If none prints like that.
    """
    of_kind = [each for each in kinds() if issubclass(each, kind)]
    found = next((measure for each in of_kind if (measure := each.parse(text)) is not None), None)
    if found is None:
        forms = ", ".join(form.format(k="k", radius="d") for each in of_kind for form in each.forms)
        raise InvalidInputError(f"measure {text!r} is unknown; use one of {forms}")
    return found
