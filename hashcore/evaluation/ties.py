"""Rankings with ties: what the relevant items of a tie contribute, in expectation, at best and at worst.

Items at one Hamming distance tie, and a ranking is any of the orders that keep distances ascending. Means over all
these orders have closed forms (McSherry & Najork, Computing information retrieval performance measures efficiently in
the presence of tied scores, ECIR 2008): nothing is sorted or sampled, the counts at each distance suffice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import as_array, check_array, check_numbers, check_whole
from hashcore.errors import InvalidInputError

Ties = Literal["expected", "best", "worst"]
Floats = NDArray[np.float64]

TABLE_SIZE = 32
TABLE = np.array(  # TABLE[a, b] is 1/(a + 1) + … + 1/b, each rounded once
    [[math.fsum(1 / n for n in range(a + 1, b + 1)) for b in range(TABLE_SIZE + 1)] for a in range(TABLE_SIZE + 1)]
)


@dataclass(frozen=True)
class Groups:
    """Groups of tied items in ranked order; float64 arrays of one shape, whole numbers.

    Attributes:
        items: Items in the group.
        relevant: Relevant items in the group.
        items_before: Items in all nearer groups of the same query.
        relevant_before: Relevant items in all nearer groups.
    """

    items: Floats
    relevant: Floats
    items_before: Floats
    relevant_before: Floats

    def __post_init__(self) -> None:
        shape = np.shape(as_array(self.items, "items"))
        for name in ("items", "relevant", "items_before", "relevant_before"):
            array = as_array(getattr(self, name), name)
            if array.dtype.kind not in "iuf" or array.shape not in (shape, ()):
                raise InvalidInputError(f"{name}: need numbers of shape {shape}, got {array.dtype} of {array.shape}")
            object.__setattr__(self, name, array.astype(np.float64, copy=False))

    @staticmethod
    def of(all_counts: NDArray[np.int64], relevant_counts: NDArray[np.int64]) -> Groups:
        """Return the groups of q queries from counts at each distance, shape (q, L + 1)."""
        items = check_array(all_counts, "all_counts", ("queries", "groups"), "iu").astype(np.float64)
        relevant = check_array(relevant_counts, "relevant_counts", items.shape, "iu").astype(np.float64)
        return Groups(items, relevant, np.cumsum(items, axis=1) - items, np.cumsum(relevant, axis=1) - relevant)

    def at(self, query: int, group: int) -> Groups:
        """Return one group, as arrays without dimensions."""
        queries, groups = self._of_queries()
        of = check_whole(query, "query", 0, queries - 1), check_whole(group, "group", 0, groups - 1)
        return Groups(self.items[of], self.relevant[of], self.items_before[of], self.relevant_before[of])

    def _of_queries(self) -> tuple[int, int]:
        """Return the numbers of queries and groups, where they are groups of queries."""
        shapes = {array.shape for array in (self.items, self.relevant, self.items_before, self.relevant_before)}
        if len(shapes) != 1 or self.items.ndim != 2:
            said = ", ".join(map(str, sorted(shapes)))
            raise InvalidInputError(f"groups of shapes {said}: need those of queries, all of shape (queries, groups)")
        if not ((self.relevant >= 0) & (self.relevant <= self.items)).all():
            raise InvalidInputError("groups with more relevant items than items, or fewer than none; use Groups.of")
        return self.items.shape[0], self.items.shape[1]

    def above(self, cutoff: int | None) -> Floats:
        """Return the number of items of each group among the first `cutoff` ranks (None: all); same shape."""
        if cutoff is not None:
            cutoff = check_whole(cutoff, "cutoff", 0)
        return self.items if cutoff is None else np.clip(cutoff - self.items_before, 0, self.items)


def check_ties(ties: str) -> Ties:
    """Return `ties` if it says which order of tied items is meant, else raise InvalidInputError."""
    if not isinstance(ties, str) or ties not in get_args(Ties):
        raise InvalidInputError(f"ties={ties!r}: use one of {', '.join(get_args(Ties))}")
    return ties  # type: ignore[return-value]


def _taken(groups: Groups, taken: Floats) -> Floats:
    """Return the number of items taken of each group, checked; of the shape of the groups."""
    array = check_numbers(taken, "taken", groups.items.shape)
    if (array < 0).any() or (array > groups.items).any():
        raise InvalidInputError("taken: more items of a group than it has, or fewer than none; use Groups.above")
    return array.astype(np.float64, copy=False)


def hits(groups: Groups, taken: Floats, ties: Ties) -> Floats:
    """Return the relevant items among the first `taken` of each group; all of the shape of the groups.

    >>> groups = Groups.of(np.array([[1, 3]]), np.array([[1, 1]]))  # an item, then three that tie; one of each relevant
    >>> [round(float(hits(groups, groups.above(2), ties).sum()), 3) for ties in ("expected", "best", "worst")]
    [1.333, 2.0, 1.0]
    """
    taken, ties = _taken(groups, taken), check_ties(ties)
    if ties == "best":
        return np.minimum(groups.relevant, taken)
    if ties == "worst":
        return np.maximum(0, taken - (groups.items - groups.relevant))
    return groups.relevant * taken / np.maximum(groups.items, 1)


def precision_sum(groups: Groups, taken: Floats, ties: Ties) -> Floats:
    """Return the sum of precisions at the ranks of the relevant items among the first `taken` of each group.

    With N items and R relevant before a group of n items, r of them relevant, rank N + i holds a relevant item with
    probability r / n, and then R + 1 + (i − 1)(r − 1)/(n − 1) relevant items are expected up to that rank. The sum of
    their ratio over i = 1 … taken needs only a difference of harmonic numbers. All arrays have the shape of the groups.
    """
    taken, ties = _taken(groups, taken), check_ties(ties)
    if ties == "best":
        return _run(groups.items_before, groups.relevant_before, hits(groups, taken, ties))
    if ties == "worst":
        irrelevant = groups.items - groups.relevant
        return _run(groups.items_before + irrelevant, groups.relevant_before, hits(groups, taken, ties))
    share = groups.relevant / np.maximum(groups.items, 1)
    others = (groups.relevant - 1) / np.maximum(groups.items - 1, 1)
    constant = groups.relevant_before + 1 - others * (groups.items_before + 1)
    return share * (constant * harmonic_difference(groups.items_before, taken) + others * taken)


def mean_over_hits(groups: Groups, taken: Floats, ties: Ties) -> Floats:
    """Return for each query `precision_sum` over all groups divided by `hits` over all groups, 0 without a hit.

    The number of hits depends on the order where a cut-off splits a group, so that a ratio of means would not do: here
    each possible number is weighed by its probability, or the one that gives the bound is taken.

    Args:
        groups: Groups of shape (q, groups).
        taken: Items of each group above the cut-off, of the same shape; at most one group of a query is split.
    """
    groups._of_queries()
    taken, ties = _taken(groups, taken), check_ties(ties)
    split = (taken > 0) & (taken < groups.items)
    sums = np.where(split, 0, precision_sum(groups, taken, ties)).sum(axis=1)
    found = np.where(split, 0, hits(groups, taken, ties)).sum(axis=1)
    means: Floats = np.divide(sums, np.maximum(found, 1))
    for query, group in np.argwhere(split):
        means[query] = _split_mean(groups.at(query, group), taken[query, group], sums[query], found[query], ties)
    return means


def harmonic_difference(start: Floats, count: Floats) -> Floats:
    """Return 1/(start + 1) + … + 1/(start + count), elementwise, to some 1e-15 of its value.

    Ranks up to 32 come from a table, later ones from the asymptotic series of H_n about n + ½; a difference of two
    harmonic numbers would lose the digits of a small sum far down the ranking.

    Raises:
        InvalidInputError: If one is negative, or no whole number, or the two have different shapes.
    """
    start, count = (_counted(numbers, name) for numbers, name in ((start, "start"), (count, "count")))
    try:
        end = start + count
    except ValueError:
        raise InvalidInputError(
            f"start and count have shapes {start.shape} and {count.shape}; give one shape"
        ) from None
    first, last = (np.minimum(rank, TABLE_SIZE).astype(np.intp) for rank in (start, end))
    low, high = np.maximum(start, TABLE_SIZE) + 0.5, np.maximum(end, TABLE_SIZE) + 0.5
    total: Floats = np.log1p((high - low) / low) + (_series(high) - _series(low)) + TABLE[first, last]
    return total


def _counted(numbers: Floats, name: str) -> Floats:
    """Return numbers of items as floats."""
    array = as_array(numbers, name)
    if array.dtype.kind not in "iuf" or (array.size and not 0 <= array.min() <= array.max() < np.inf):
        raise InvalidInputError(f"{name}: need numbers of items, none of them negative, got {array.dtype}")
    return array.astype(np.float64, copy=False)


def _split_mean(group: Groups, taken: Floats, sum_before: float, hits_before: float, ties: Ties) -> float:
    """Return the mean precision over hits where `taken` of one group's items stand above the cut-off."""
    fewest, most = hits(group, taken, "worst"), hits(group, taken, "best")
    possible = np.arange(float(fewest), float(most) + 1)
    drawn = Groups(np.full_like(possible, float(taken)), possible, group.items_before, group.relevant_before)
    means = (sum_before + precision_sum(drawn, drawn.items, ties)) / np.maximum(hits_before + possible, 1)
    if ties == "expected":
        return float(means @ _hypergeometric(group, taken, possible))
    return float(means.max() if ties == "best" else means.min())


def _hypergeometric(group: Groups, taken: Floats, hits: Floats) -> Floats:
    """Return the probabilities of all possible numbers of hits (ascending) among `taken` items of a group."""
    few = hits[:-1]
    misses = group.items - group.relevant - taken + few + 1
    ratios = (group.relevant - few) * (taken - few) / ((few + 1) * misses)
    logarithms = np.concatenate([np.zeros(1), np.cumsum(np.log(ratios))])
    weights: Floats = np.exp(logarithms - logarithms.max())
    weights /= weights.sum()
    return weights


def _run(start: Floats, relevant_before: Floats, length: Floats) -> Floats:
    """Return the sum of precisions over `length` relevant items in a row, the first at rank start + 1."""
    return length + (relevant_before - start) * harmonic_difference(start, length)


def _series(x: Floats) -> Floats:
    """Return H_n − ln(x) − γ for x = n + ½ ≥ 32.5."""
    y = 1 / (x * x)
    return y * (1 / 24 - y * (7 / 960 - y * (31 / 8064 - y * 127 / 30720)))
