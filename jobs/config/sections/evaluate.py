"""The section `evaluate`: the figures that are wanted."""

from __future__ import annotations

from pydantic import Field, field_validator

from hashcore.evaluation.measure import parse
from hashcore.spec import Spec


class EvaluateConfig(Spec):
    """Figures to compute. An item is relevant if it shares at least one label with the query."""

    measures: tuple[str, ...] = ("mAP", "mAP@1000/retrieved", "P@10", "P@100", "P(r<=2)", "R(r<=2)", "F1(r<=2)")
    """mAP, mAP@k, P@k, R@k, P(r<=d), R(r<=d), F1(r<=d); mAP@k/reachable and mAP@k/retrieved have other denominators.
    Where hardly a query finds anything within d bits, the least radius within which half of them do is shown, too."""
    knn: tuple[int, ...] = (1, 10, 50)
    """Numbers of neighbors that vote for a query's class; left out where items have not exactly one label."""
    examples: int = Field(default=6, ge=0)
    """Queries to show, this many at random and this many with the lowest average precision."""
    neighbors: int = Field(default=10, ge=1)
    """Neighbors to show of each."""
    seed: int = 0
    """Decides which queries are drawn."""
    exclude_self: bool = False
    """Leave the item that has a query's id out of its ranking, where queries are items of the database."""

    @field_validator("measures")
    @classmethod
    def _measures_parse(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what is no measure."""
        for name in names:
            parse(name)
        return names

    @field_validator("knn")
    @classmethod
    def _votes_are_held(cls, knn: tuple[int, ...]) -> tuple[int, ...]:
        """Refuse a vote of nobody."""
        if any(k < 1 for k in knn):
            raise ValueError("a vote needs at least 1 neighbor")
        return knn
