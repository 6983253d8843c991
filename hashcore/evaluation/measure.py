"""A measure as a value: its printed form is what a configuration types, and it knows the protocol that it follows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hashcore import measures
from hashcore.errors import InvalidInputError
from hashcore.evaluation.ties import Floats, Ties
from hashcore.measures import Counts, Denominator

FORMS = "mAP, mAP@k, mAP@k/reachable, mAP@k/retrieved, P@k, R@k, P(r<=d), R(r<=d), F1(r<=d)"
GRAMMAR = re.compile(r"mAP(@[1-9]\d*(/(reachable|retrieved))?)?|[PR]@[1-9]\d*|(P|R|F1)\(r<=\d+\)")
PARTS = re.compile(r"(?P<name>\w+)(@(?P<at>\d+))?(/(?P<divided_by>\w+))?(\(r<=(?P<within>\d+)\))?")

DENOMINATORS = {
    "relevant": "relevant items in the database",
    "reachable": "relevant items in the database, at most k",
    "retrieved": "relevant items among the first k",
}


@dataclass(frozen=True)
class Measure:
    """One measure of a ranking, with its cut-off or its radius.

    Attributes:
        name: mAP (mean average precision), P (precision), R (recall) or F1.
        at: Ranks that count; None counts all.
        within: Inclusive radius in bits; None where the ranking is cut by rank.
        divided_by: Denominator of an average precision, see `measures.average_precision`.

    >>> str(parse("mAP@1000")), parse("P(r<=2)").within
    ('mAP@1000', 2)
    """

    name: str
    at: int | None = None
    within: int | None = None
    divided_by: Denominator = "relevant"

    def __str__(self) -> str:
        """Return the form that `parse` reads."""
        cut = "" if self.at is None else f"@{self.at}"
        suffix = "" if self.divided_by == "relevant" else f"/{self.divided_by}"
        return f"{self.name}{cut}{suffix}" if self.within is None else f"{self.name}(r<={self.within})"

    @property
    def has_ties(self) -> bool:
        """Whether the order of tied items matters: a radius never splits a tie."""
        return self.within is None

    @property
    def denominator(self) -> str:
        """What a query's sum is divided by, in words."""
        if self.name == "P":
            return f"{self.at}" if self.within is None else "items within the radius; 0 where there are none"
        if self.name == "F1":
            return "items within the radius + relevant items in the database"
        return DENOMINATORS[self.divided_by]

    @property
    def without_relevant(self) -> str:
        """What becomes of a query without relevant items, in words."""
        return "counts as 0" if self.name == "P" else "left out of the mean"

    def per_query(self, all_counts: Counts, relevant_counts: Counts, ties: Ties = "expected") -> Floats:
        """Return the value of each query, shape (q,); NaN where it is not defined."""
        counts = (all_counts, relevant_counts)
        if self.within is not None:
            within = {"P": measures.precision_within, "R": measures.recall_within, "F1": measures.f1_within}
            return within[self.name](*counts, self.within)
        if self.name == "mAP":
            return measures.average_precision(*counts, ties, self.at, denominator=self.divided_by)
        at = {"P": measures.precision_at, "R": measures.recall_at}
        return at[self.name](*counts, self.at or 0, ties)


def parse(text: str) -> Measure:
    """Return the measure that `text` prints.

    Raises:
        InvalidInputError: If no measure prints like that.
    """
    parts = PARTS.fullmatch(text)
    if parts is None or GRAMMAR.fullmatch(text) is None:
        raise InvalidInputError(f"measure {text!r} is unknown; use one of {FORMS}")
    at, within = (int(parts[name]) if parts[name] else None for name in ("at", "within"))
    return Measure(parts["name"], at, within, parts["divided_by"] or "relevant")  # type: ignore[arg-type]
