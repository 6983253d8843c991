"""SparseHash's Figure 3: precision, recall and time of a query within 0, 1 and 2 bits, for SparseHash, NN-hash and ITQ.

python -m jobs.research.papers.tradeoff --figure indexer/tradeoff.svg

Codes of 48 dimensions of CIFAR-10's GIST, learned as the rows of conf/papers say. A query is timed on one thread, 1,000
at once: by the index of its kind, and by the faster of two dense routes, a scan of the distinct codes and hash tables;
and both once more where each distinct code stands for one item, which leaves the search without its long answers.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import indexer
from hashcore import measures
from hashcore.codes import Codes, Kind
from hashcore.evaluation.ranking import rank
from indexer import Index
from jobs.machine.measuring import timed
from jobs.page.charts import ACCENT, QUIET, RIGHT, SECOND, STYLE
from jobs.research.benchmarks.comparison import same_neighbors
from jobs.research.papers import data
from jobs.research.papers import row as rows
from jobs.research.papers.learn import learn

ROWS = Path("conf/papers")
METHODS = {  # by name: the row that says how codes are learned, and what it is told besides
    "SparseHash": ("sparsehash-cifar10-sparse-48-m7.yaml", []),
    "NN-hash": ("sparsehash-cifar10-nn.yaml", []),
    "ITQ": ("sparsehash-cifar10-nn.yaml", ["learn={method: itq}", "by_bits={}"]),
}
COLORS = {"SparseHash": ACCENT, "NN-hash": SECOND, "ITQ": RIGHT}
MARKS = {0: "o", 1: "^", 2: "P"}  # as in the paper
DIMENSIONS = 48
ROUNDS = 7


class Timing(NamedTuple):
    """Seconds a query, by the index of its kind and by the faster dense route, and what the former did."""

    seconds: float
    dense_seconds: float
    route: str

    def cells(self) -> str:
        """Return cells of a table."""
        times = self.dense_seconds / self.seconds
        return f"{1e6 * self.seconds:.2f} µs | {1e6 * self.dense_seconds:.2f} µs | {times:.2f} | {self.route}"


class Point(NamedTuple):
    """One method within one radius: of all items, and of distinct codes."""

    method: str
    radius: int
    precision: float
    recall: float
    neighbors: float
    items: Timing
    distinct: Timing

    def line(self) -> str:
        """Return the point as a row of a table."""
        figures = f"{self.precision:.3f} | {self.recall:.3f} | {self.neighbors:,.1f}"
        return f"| {self.method} | {self.radius} | {figures} | {self.items.cells()} | {self.distinct.cells()} |"


class Learned(NamedTuple):
    """The codes of a method, and the classes of their items."""

    kind: Kind
    code_length: int
    database: Codes
    queries: Codes
    database_classes: NDArray[np.int32]
    query_classes: NDArray[np.int32]


def learned(method: str, root: str) -> Learned:
    """Learn a method's codes."""
    file, overrides = METHODS[method]
    row = rows.load(str(ROWS / file), [*overrides, "not_run=null"])
    items = data.load(row.data, root)
    config, split = row.learning(DIMENSIONS), items.split
    hasher = learn(config, items)
    ((name, view),) = items.views.items()
    codes, classes = hasher.encode(view, name), items.classes
    return Learned(
        config.kind,
        hasher.code_length,
        codes[split.database],
        codes[split.queries],
        classes[split.database],
        classes[split.queries],
    )


def points(method: str, found: Learned) -> Iterator[Point]:
    """Yield the points of a method's codes."""
    ranked = rank(found.database, found.queries, found.code_length, found.database_classes, found.query_classes)
    counts, distinct = (ranked.all_counts, ranked.relevant_counts), np.unique(found.database, axis=0)
    for radius in MARKS:
        yield Point(
            method,
            radius,
            measures.mean(measures.precision_within(*counts, radius)),
            measures.mean(measures.recall_within(*counts, radius)),
            float(ranked.all_counts[:, : radius + 1].sum(axis=1).mean()),
            *(
                time_queries(codes, found.queries, found.code_length, found.kind, radius)
                for codes in (found.database, distinct)
            ),
        )


def time_queries(database: Codes, queries: Codes, code_length: int, kind: Kind, radius: int) -> Timing:
    """Return medians of rounds in which the indexes take turns; all answers are asserted equal first."""
    with tempfile.TemporaryDirectory() as folder:
        build = partial(_build, folder, database, code_length)
        asked = {"own": build(kind, None), "scan": build("dense", len(database)), "tables": build("dense", 0)}
        search = {name: partial(index.range_search, queries, radius, threads=1) for name, index in asked.items()}
        answers = {name: one() for name, one in search.items()}
        assert all(same_neighbors(answers["own"], answer) for answer in answers.values())
        taken: dict[str, list[float]] = {name: [] for name in search}
        for _ in range(ROUNDS):
            for name, one in search.items():
                taken[name].append(timed(one) / len(queries))
        reason = asked["own"].explain(queries, radius, threads=1)[0].reason
    seconds = {name: statistics.median(found) for name, found in taken.items()}
    route = reason.partition(":")[0].partition(" for ")[0]
    return Timing(seconds["own"], min(seconds["scan"], seconds["tables"]), route)


def _build(folder: str, database: Codes, code_length: int, kind: Kind, scan_below: int | None) -> Index:
    """Return an index of a kind; `scan_below` distinct codes are scanned."""
    layout = indexer.plan_layout(
        database, code_length=code_length, rows_per_shard=len(database), scan_below=scan_below, kind=kind
    )
    root = f"{folder}/{kind}-{scan_below}"
    return indexer.build(root, np.arange(len(database)), database, code_length=code_length, kind=kind, layout=layout)


def draw(found: list[Point], path: Path) -> None:
    """Write recall and precision against the time of a query as SVG."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({**STYLE, "svg.hashsalt": "tradeoff"}):
        figure = Figure(figsize=(7.2, 3.2), layout="constrained")
        for axes, measure in zip(figure.subplots(1, 2), ("recall", "precision"), strict=True):
            for method, color in COLORS.items():
                own = [point for point in found if point.method == method]
                axes.plot(
                    [1e6 * p.items.seconds for p in own], [getattr(p, measure) for p in own], color=color, linewidth=1
                )
                for point in own:
                    place = 1e6 * point.items.seconds, getattr(point, measure)
                    label = method if point.radius == 0 else None
                    axes.plot(*place, MARKS[point.radius], color=color, markersize=6, label=label)
            axes.set(
                xscale="log",
                xlabel="time of a query, µs",
                ylabel=measure,
                ylim=(0, 1.03 if measure == "recall" else 0.6),
            )
        axes.legend(
            frameon=False, labelcolor=QUIET, loc="upper right", title="● r = 0   ▲ r = 1   ✚ r = 2", title_fontsize=8
        )
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def main() -> None:
    """Print the points, and draw them."""
    parser = argparse.ArgumentParser(description="Precision, recall and time of a query for three kinds of codes.")
    parser.add_argument("--root", default="runs/papers", help="where features are kept; runs/papers")
    parser.add_argument("--figure", type=Path, help="write the figure as SVG")
    given = parser.parse_args()
    found = []
    for method in METHODS:
        for point in points(method, learned(method, given.root)):
            print(point.line(), flush=True)
            found.append(point)
    if given.figure:
        draw(found, given.figure)


if __name__ == "__main__":
    main()
