"""Contents of `metrics.json`: figures with their protocols, curves, and examples to look at."""

from __future__ import annotations

from typing import Literal

from pydantic import ValidationError

from hashcore.errors import InvalidInputError
from hashcore.spec import Spec
from hashcore.storage import files

Curve = list[float | None]


class Figure(Spec):
    """One figure with everything that its value depends on beside the codes."""

    value: float | None
    """Mean over queries, in the expectation over orders of tied items; none where no query defines it."""
    best: float | None = None
    """With tied items in the order that gives most."""
    worst: float | None = None
    """With tied items in the order that gives least."""
    ties: str
    """How items at one distance are ordered."""
    denominator: str
    """What each query's sum is divided by."""
    without_relevant: str
    """What becomes of queries without relevant items."""
    queries: int
    """Queries over which the mean is taken."""
    left_out: int
    """Queries that do not define the figure."""
    database_size: int
    """Items that were ranked."""
    code_length: int
    """Bits of a code."""


class Setting(Spec):
    """Setting that all figures share."""

    pipeline: str
    """Name of the pipeline."""
    database_size: int
    """Items in the index."""
    queries: int
    """Queries asked."""
    queries_without_relevant: int
    """Queries that share no label with any item."""
    queries_in_database: int = 0
    """Queries that have the id of an item."""
    code_length: int
    """Bits of a code."""
    distinct_codes: int
    """Different codes among the items."""
    relevance: str
    """When an item is relevant to a query."""
    ranking: str
    """What is ranked, by what."""
    index_generation: int
    """Generation of the index that was read."""
    hasher_fingerprint: str
    """The hasher that made the queries' codes."""


class Curves(Spec):
    """Lists by radius 0 … code_length, unless said otherwise; none where a value is not defined."""

    precision: Curve
    """Mean over queries of the precision within the radius; 0 where a query finds nothing."""
    recall: Curve
    """Mean over queries of the recall within the radius."""
    f1: Curve
    """Mean over queries of F1 within the radius."""
    neighbors: Curve
    """Mean number of items within the radius."""
    answered: Curve
    """Share of queries that find anything within the radius."""
    pr_precision: Curve
    """Precision of all pairs within the radius, pooled: relevant pairs among them."""
    pr_recall: Curve
    """Recall of all pairs within the radius, pooled."""
    relevant_pairs: list[int]
    """Relevant pairs at exactly this distance."""
    irrelevant_pairs: list[int]
    """Other pairs at exactly this distance."""
    ks: list[int]
    """Numbers of nearest items; not by radius."""
    precision_at: Curve
    """Expected precision among the first k, mean over queries, for each of `ks`."""


class Shown(Spec):
    """A neighbor of an example."""

    id: int | str
    distance: int
    relevant: bool
    label: int | str
    """First label of the item, by its name where labels have names."""


class Example(Spec):
    """A query with its nearest neighbors."""

    id: int | str
    labels: list[int | str]
    average_precision: float | None
    chosen: Literal["random", "worst"]
    """Drawn at random, or among the lowest average precisions."""
    neighbors: list[Shown]


class Metrics(Spec):
    """The whole of `metrics.json`."""

    setting: Setting
    figures: dict[str, Figure]
    """By the name of the measure, as it is typed in `evaluate.measures`."""
    notes: list[str]
    """What is to be known of all figures, the gravest first: few codes, queries among the items, no votes."""
    curves: Curves
    examples: list[Example]

    def summary(self) -> str:
        """Return the notes, then the figures, a line each."""
        notes = [f"note: {note}" for note in self.notes]
        return "\n".join([*notes, *(f"{name}: {describe(figure)}" for name, figure in self.figures.items())])


def read(path: str) -> Metrics:
    """Return the metrics of a file.

    Raises:
        InvalidInputError: If the file is missing or holds something else.
    """
    content = files.read_bytes(path)
    if content is None:
        raise InvalidInputError(f"{path} is missing; run `hashcore evaluate` first")
    try:
        return Metrics.model_validate_json(content)
    except ValidationError as error:
        raise InvalidInputError(
            f"{path} holds no metrics ({error.errors()[0]['msg']}); remove it and run `hashcore evaluate`"
        ) from None


def describe(figure: Figure) -> str:
    """Return the value of a figure, with its bounds over the orders of ties where it has them."""
    if figure.value is None:
        return "not defined: no query has relevant items"
    if figure.worst is None or figure.best is None:
        return f"{figure.value:.4f}"
    return f"{figure.value:.4f} ({figure.worst:.4f} to {figure.best:.4f} by the order of ties)"
