"""From tallies to figures: each block of queries is measured by itself, and the blocks are averaged at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hashcore import measures
from hashcore.evaluation.classification import classify
from hashcore.evaluation.measure import PerQuery, WithinRadius
from hashcore.evaluation.measures.f1_within import F1Within
from hashcore.evaluation.measures.precision_within import PrecisionWithin
from hashcore.evaluation.measures.recall_within import RecallWithin
from hashcore.evaluation.ties import Floats, Ties
from jobs.evaluation.examples import Choice, of_block
from jobs.evaluation.metrics import Curve, Curves, Example, Figure
from jobs.evaluation.tally import Queries, Tally, first_labels

EVERY_ORDER = "expected over all orders of items at one distance"
NO_ORDER = "none: a radius takes all items at one distance or none"
CURVES: dict[type[WithinRadius], str] = {PrecisionWithin: "precision", RecallWithin: "recall", F1Within: "f1"}
VOTE_ORDER = "neighbors by (distance, id); of equal votes the class seen nearest"


@dataclass(frozen=True)
class Measured:
    """Figures of one block of q queries.

    Attributes:
        values: By measure and order of ties the value of each query, float64, shape (q,).
        wrong: By k whether the vote of k neighbors errs, shape (q,); empty where no vote is held.
        average_precision: Expected average precision over the complete ranking, shape (q,).
        sums: By name of a curve the sum over queries that define it, and their number, each of shape (L + 1,).
        pairs: All and relevant pairs at each distance, int64, shape (2, L + 1).
        examples: Queries to look at.
        itself: Queries that have the id of an item.
    """

    values: dict[tuple[PerQuery, Ties], Floats]
    wrong: dict[int, NDArray[np.bool_]]
    average_precision: Floats
    sums: dict[str, NDArray[np.float64]]
    pairs: NDArray[np.int64]
    examples: list[Example]
    itself: int


def measure(
    queries: Queries, tally: Tally, wanted: Sequence[PerQuery], knn: Sequence[int], choice: Choice, ranked: int
) -> Measured:
    """Return the figures of one block of queries, tallied over the whole database, of which `ranked` items count."""
    counts = (tally.all_counts, tally.relevant_counts)
    average_precision = measures.average_precision(*counts)
    has_classes = tally.one_label_each and bool((queries.labels.counts() == 1).all())
    actual = first_labels(queries.labels)
    return Measured(
        {(each, ties): each.per_query(*counts, ties) for each in wanted for ties in each.orders},
        {k: classify(tally.neighbors, tally.classes, k) != actual for k in knn if has_classes},
        average_precision,
        _sums(tally, ranked),
        np.stack([array.sum(axis=0) for array in counts]),
        of_block(queries, tally, average_precision, choice),
        int(tally.itself.sum()),
    )


def _sums(tally: Tally, ranked: int) -> dict[str, NDArray[np.float64]]:
    """Return sums over queries, and the number of queries that define them, of every curve."""
    counts = (tally.all_counts, tally.relevant_counts)
    radii = np.arange(counts[0].shape[1])
    ks = curve_ks(ranked)
    within = np.cumsum(tally.all_counts, axis=1).astype(np.float64)
    curves = {
        "precision": measures.precision_within(*counts, radii),
        "recall": measures.recall_within(*counts, radii),
        "f1": measures.f1_within(*counts, radii),
        "neighbors": within,
        "answered": np.minimum(within, 1),
        "precision_at": np.stack([measures.precision_at(*counts, k) for k in ks], axis=1),
    }
    return {
        name: np.stack([np.nansum(curve, axis=0), (~np.isnan(curve)).sum(axis=0)]) for name, curve in curves.items()
    }


def curve_ks(database_size: int) -> list[int]:
    """Return 1, 2, 5, 10, 20, 50 … up to the size of the database.

    >>> curve_ks(60)
    [1, 2, 5, 10, 20, 50, 60]
    """
    steps = (digit * 10**power for power in range(len(str(database_size))) for digit in (1, 2, 5))
    return [*(k for k in steps if k < database_size), database_size]


def figures(blocks: Sequence[Measured], database_size: int, code_length: int) -> dict[str, Figure]:
    """Return the means over the queries of all blocks, by the measure's name."""
    size = {"database_size": database_size, "code_length": code_length}
    found = {}
    for each in dict.fromkeys(measure for measure, _ in blocks[0].values):
        values = {ties: np.concatenate([block.values[each, ties] for block in blocks]) for ties in each.orders}
        found[str(each)] = _ranking_figure(each, values, size)
    for k in blocks[0].wrong:
        if all(block.wrong for block in blocks):
            found[f"kNN error@{k}"] = _vote_figure(np.concatenate([block.wrong[k] for block in blocks]), size)
    return found


def summed(blocks: Sequence[Measured]) -> dict[str, NDArray[np.float64]]:
    """Return the sums of every curve over the queries of all blocks; shapes as of `Measured.sums`."""
    return {name: np.sum([block.sums[name] for block in blocks], axis=0) for name in blocks[0].sums}


def at_a_radius_that_answers(
    sums: Mapping[str, NDArray[np.float64]], wanted: Sequence[PerQuery], database_size: int
) -> dict[str, Figure]:
    """Return the wanted figures within a radius once more, at the least radius within which half of the queries find.

    Empty where half of them find anything within a radius that was asked for, or none was: long codes have hardly a
    pair within 2 bits, and a precision of queries that find nothing is 0 and says nothing.
    """
    asked = [each for each in wanted if isinstance(each, WithinRadius)]
    total, number = sums["answered"]
    answers = total >= number / 2
    if not asked or any(answers[each.radius] for each in asked):
        return {}
    radius, found = int(answers.argmax()), {}
    for kind, curve in CURVES.items():
        if any(isinstance(each, kind) for each in asked):
            measure = kind(radius)
            size = {"database_size": database_size, "code_length": len(answers) - 1}
            found[str(measure)] = _within_figure(measure, sums[curve][:, radius], int(number[0]), size)
    return found


def _within_figure(measure: PerQuery, at: Floats, queries: int, size: dict[str, int]) -> Figure:
    """Return the figure of a measure within a radius from its sum over the queries that define it, and their number."""
    defined = int(at[1])
    return Figure(
        value=float(at[0]) / defined if defined else None,
        ties=NO_ORDER,
        denominator=measure.denominator,
        without_relevant=measure.without_relevant,
        queries=defined,
        left_out=queries - defined,
        **size,
    )


def _ranking_figure(measure: PerQuery, values: dict[Ties, Floats], size: dict[str, int]) -> Figure:
    """Return the figure of a measure from the values of all queries in each order of ties."""
    means = {ties: _number(measures.mean(of)) for ties, of in values.items()}
    defined = int((~np.isnan(values["expected"])).sum())
    return Figure(
        value=means["expected"],
        best=means.get("best"),
        worst=means.get("worst"),
        ties=EVERY_ORDER if measure.has_ties else NO_ORDER,
        denominator=measure.denominator,
        without_relevant=measure.without_relevant,
        queries=defined,
        left_out=len(values["expected"]) - defined,
        **size,
    )


def _vote_figure(wrong: NDArray[np.bool_], size: dict[str, int]) -> Figure:
    """Return the figure of a vote that errs for some queries."""
    return Figure(
        value=float(wrong.mean()),
        ties=VOTE_ORDER,
        denominator="queries",
        without_relevant="counts as an error",
        queries=len(wrong),
        left_out=0,
        **size,
    )


def curves(blocks: Sequence[Measured], sums: Mapping[str, NDArray[np.float64]], ranked: int) -> Curves:
    """Return the curves over the queries of all blocks, each of which ranks so many items, or one more."""
    means = {
        name: _curve(np.divide(total, number, where=number > 0, out=np.full_like(total, np.nan)))
        for name, (total, number) in sums.items()
    }
    every, relevant = np.sum([block.pairs for block in blocks], axis=0)
    precision, recall = measures.pr_curve(every[None], relevant[None])
    return Curves(
        **means,
        pr_precision=_curve(precision),
        pr_recall=_curve(recall),
        relevant_pairs=relevant.tolist(),
        irrelevant_pairs=(every - relevant).tolist(),
        ks=curve_ks(ranked),
    )


def _curve(values: Floats) -> Curve:
    """Return values as JSON holds them."""
    return [_number(value) for value in values.tolist()]


def _number(value: float) -> float | None:
    """Return a value that JSON can hold: none for NaN."""
    return None if np.isnan(value) else value
