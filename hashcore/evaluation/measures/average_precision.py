"""mAP: mean average precision, of the complete ranking or of its first k."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, get_args

import numpy as np

from hashcore.arguments import check_whole
from hashcore.errors import InvalidInputError
from hashcore.evaluation.counts import Counts, ratio, tied_groups
from hashcore.evaluation.measure import PerQuery
from hashcore.evaluation.ties import Floats, Ties, mean_over_hits, precision_sum

Denominator = Literal["relevant", "reachable", "retrieved"]

GRAMMAR = re.compile(r"mAP(@(?P<k>[1-9]\d*)(/(?P<denominator>reachable|retrieved))?)?")
DENOMINATORS: dict[Denominator, str] = {
    "relevant": "relevant items in the database",
    "reachable": "relevant items in the database, at most k",
    "retrieved": "relevant items among the first k",
}


def average_precision(
    all_counts: Counts,
    relevant_counts: Counts,
    ties: Ties = "expected",
    cutoff: int | None = None,
    *,
    denominator: Denominator = "relevant",
) -> Floats:
    """Return the average precision of each query: the precisions at the ranks of relevant items, summed and divided.

    Args:
        all_counts: Items at each distance, shape (q, L + 1).
        relevant_counts: Relevant items at each distance, shape (q, L + 1).
        ties: Mean over the orders of tied items, or the order with the highest or the lowest value.
        cutoff: Only the first `cutoff` ranks count; None takes the complete ranking.
        denominator: Divisor of the sum; without a cut-off all three are the same.
            "relevant": the relevant items of the database (trec_eval).
            "reachable": the relevant items that fit above the cut-off, min(relevant, cutoff).
            "retrieved": the relevant items above the cut-off (DeepHash-pytorch, HashNet); it varies with the order of
            ties, so each possible number is weighed: O(min(relevant, cutoff)) a query.

    Returns:
        Values in [0, 1], shape (q,); NaN for a query without relevant items, 0 where none is above the cut-off.

    Raises:
        InvalidInputError: If the counts do not fit each other, or another argument is not among those listed.

    >>> average_precision(np.array([[0, 2, 1]]), np.array([[0, 1, 1]]))  # ranks 1 and 2 tie: (5/6 + 7/12) / 2
    array([0.70833333])
    """
    groups = tied_groups(all_counts, relevant_counts, ties)
    taken = groups.above(check_whole(cutoff, "cutoff", 1) if cutoff is not None else None)
    relevant = groups.relevant.sum(axis=1)
    if not isinstance(denominator, str) or denominator not in get_args(Denominator):
        raise InvalidInputError(f"denominator={denominator!r}: use one of {', '.join(get_args(Denominator))}")
    if denominator == "retrieved" and cutoff is not None:
        return np.where(relevant > 0, mean_over_hits(groups, taken, ties), np.nan)
    if denominator == "reachable" and cutoff is not None:
        relevant = np.minimum(relevant, cutoff)
    return ratio(precision_sum(groups, taken, ties).sum(axis=1), relevant)


@dataclass(frozen=True)
class AveragePrecision(PerQuery):
    """Mean average precision.

    Attributes:
        k: Ranks that count; None counts all.
        divided_by: Denominator, see `average_precision`.
    """

    forms: ClassVar[tuple[str, ...]] = ("mAP", "mAP@{k}", "mAP@{k}/reachable", "mAP@{k}/retrieved")
    k: int | None = None
    divided_by: Denominator = "relevant"

    def __str__(self) -> str:
        """Return the form that `parse` reads."""
        cut = "" if self.k is None else f"@{self.k}"
        return f"mAP{cut}" if self.divided_by == "relevant" else f"mAP{cut}/{self.divided_by}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the measure that prints as `text`, or None if none of this kind does."""
        found = GRAMMAR.fullmatch(text)
        if found is None:
            return None
        divided_by: Denominator = next((each for each in DENOMINATORS if each == found["denominator"]), "relevant")
        return cls(int(found["k"]) if found["k"] else None, divided_by)

    @property
    def denominator(self) -> str:
        """The divisor of a query's sum, in words."""
        return DENOMINATORS[self.divided_by]

    def per_query(self, all_counts: Counts, relevant_counts: Counts, ties: Ties = "expected") -> Floats:
        """Return `average_precision` of each query, shape (q,)."""
        return average_precision(all_counts, relevant_counts, ties, self.k, denominator=self.divided_by)
