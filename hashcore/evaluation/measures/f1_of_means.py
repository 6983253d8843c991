"""F1 of means(r<=d): the harmonic mean of mean precision and mean recall (SparseHash, Tables 2 and 5)."""

from __future__ import annotations

from dataclasses import dataclass

from hashcore.evaluation.measure import WITHIN, Measure, Value
from hashcore.evaluation.measures.precision_within import PrecisionWithin
from hashcore.evaluation.measures.recall_within import RecallWithin
from hashcore.evaluation.ranking import Ranking


@dataclass(frozen=True)
class F1OfMeans(Measure):
    """Harmonic mean of the mean precision and the mean recall within a radius."""

    forms = ("F1 of means(r<={radius})",)
    protocol = WITHIN
    radius: int

    def of(self, ranking: Ranking) -> Value:
        """Return 2·precision·recall / (precision + recall), 0 where nothing is found."""
        precision, recall = (kind(self.radius).of(ranking).mean for kind in (PrecisionWithin, RecallWithin))
        return Value(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
