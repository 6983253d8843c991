"""Run a row of a paper's table from data to figure, under the paper's protocol, and enter it in our table."""

from __future__ import annotations

import argparse
import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray

from hashcore.evaluation.measure import Measure, parse_as
from hashcore.evaluation.measures.asymmetric_vote_error import AsymmetricVoteError
from hashcore.evaluation.ranking import rank
from jobs import cli
from jobs.research.benchmarks.comparison import machine
from jobs.research.papers import kept, table
from jobs.research.papers import row as rows
from jobs.research.papers.euclidean import euclidean
from jobs.research.papers.kept import Where
from jobs.research.papers.row import Figure, Row
from jobs.telemetry.progress import duration

if TYPE_CHECKING:
    from hashcore.evaluation.measure import Value
    from jobs.research.papers.data import Items

TABLE = Path(__file__).parents[1] / "PAPERS.md"


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hashcore reproduce`."""
    command.add_argument("--config", nargs="+", required=True, metavar="FILE", help="rows, such as conf/papers/*.yaml")
    command.add_argument("--table", type=Path, default=TABLE, metavar="FILE", help="the page whose table is written")
    command.add_argument("--root", default="runs/papers", metavar="DIR", help="where features are kept; runs/papers")
    command.add_argument("--set", action="append", default=[], metavar="a.b=c", dest="overrides", help="a row's value")
    command.add_argument("--threads", type=int, default=1, help="threads of a matrix product; 1")
    command.add_argument("--device", default="cpu", help="where networks are trained, such as cuda; cpu")
    command.add_argument("--hashers", metavar="DIR", help="keep networks here, and take those that are here already")


def run(given: argparse.Namespace) -> None:
    """Run the rows, and write each into the table when it is done.

    Raises:
        ConfigError: If a file is no row, or asks for what there is not; if torch cannot compute on the device.
        InvalidInputError: If data is missing, or the page holds no table.
    """
    chosen = [(path, rows.load(path, given.overrides)) for path in given.config]
    table.read(given.table)
    for path, row in chosen:
        where = Where(given.root, given.threads, given.device, given.hashers, Path(path).stem)
        lines = lines_not_run(row) if row.not_run else reproduce(row, where)
        table.update(given.table, lines)
        for line in lines:
            print(f"{Path(path).stem}: {line.measure}: paper {line.papers}, ours {line.ours}", flush=True)


def reproduce(row: Row, where: Where) -> list[table.Line]:
    """Return the lines of a row, run."""
    import torch

    from hashcore.machine.devices import check_device
    from jobs.research.papers import data

    check_device(where.device)
    torch.set_num_threads(where.threads)
    started_s, elsewhere_s = time.monotonic(), 0.0
    items = data.load(row.data, where.root)
    found: list[dict[int, Value]] = [{} for _ in row.figures]
    devices = set()
    for bits in row.lengths():
        began_s = time.monotonic()
        codes = _represent(row, bits, items, where)
        elsewhere_s += codes.trained_before_s
        devices.add(codes.device)
        for number, figure in enumerate(row.figures):
            if bits in figure.paper:
                found[number][bits] = _measure(figure, codes, items, where.threads)
        print(f"{row.row}, {bits} bits: {duration(time.monotonic() - began_s)}", flush=True)
    protocol = row.data.split.describe(items.split)
    minutes = f"{(time.monotonic() - started_s + elsewhere_s) / 60:.1f}"
    return [
        _line(row, figure, _shown(figure, values), f"{protocol}; {_ranking(figure, values)}", minutes, devices)
        for figure, values in zip(row.figures, found, strict=True)
    ]


class Represented(NamedTuple):
    """Items as the row compares them.

    Attributes:
        views: Codes, or where `code_length` is None real vectors, of all items by view.
        code_length: Bits of a code.
        projections: Of all items by view, where a figure is of asymmetric distances.
        device: Where the codes were learned.
        trained_before_s: Seconds that a network took which was there already.
    """

    views: dict[str, NDArray[Any]]
    code_length: int | None
    projections: dict[str, NDArray[Any]] | None = None
    device: str = "cpu"
    trained_before_s: float = 0.0


def _represent(row: Row, bits: int, items: Items, where: Where) -> Represented:
    """Learn codes of a length, and encode all views."""
    if row.learn.method == "raw":
        return Represented(items.views, None)
    config = row.learning(bits)
    hasher, before_s = kept.hasher(config, items, where)
    if config.method == "cca":
        return Represented({name: hasher.project(view, name) for name, view in items.views.items()}, None)
    codes = {name: hasher.encode(view, name) for name, view in items.views.items()}
    device, projections = hasher.provenance.get("device", "cpu"), None
    if any(isinstance(parse_as(Measure, each.measure), AsymmetricVoteError) for each in row.figures):
        projections = {name: hasher.project(view, name) for name, view in items.views.items()}
    return Represented(codes, hasher.code_length, projections, device, before_s)


def _measure(figure: Figure, represented: Represented, items: Items, threads: int) -> Value:
    """Return one figure for one code length."""
    first = next(iter(represented.views))
    split = items.split
    views = figure.database or first, figure.queries or first
    database, queries = represented.views[views[0]][split.database], represented.views[views[1]][split.queries]
    classes = items.classes[split.database], items.classes[split.queries]
    if represented.code_length is None:
        return euclidean(figure.measure, database, queries, *classes)
    ranked = rank(database, queries, represented.code_length, *classes, threads=threads)
    if represented.projections is not None:
        projections = (
            represented.projections[views[0]][split.database],
            represented.projections[views[1]][split.queries],
        )
        ranked = ranked._replace(projections=projections)
    return parse_as(Measure, figure.measure).of(ranked)


def _ranking(figure: Figure, values: dict[int, Value]) -> str:
    """Return in words how items are ranked and ties are treated."""
    protocol = parse_as(Measure, figure.measure).protocol
    spread = max(value.ties for value in values.values())
    return f"{protocol}, ties expected over all orders (bounds ±{spread:.4f})" if spread else protocol


def _shown(figure: Figure, values: dict[int, Value]) -> str:
    """Return our figures by bits."""
    return " / ".join(_number(values[bits].mean) for bits in sorted(figure.paper))


def lines_not_run(row: Row) -> list[table.Line]:
    """Return the lines of a row that was not run."""
    return [_line(row, figure, table.NOT_RUN, "", "", ()) for figure in row.figures]


def _line(row: Row, figure: Figure, ours: str, protocol: str, minutes: str, devices: Collection[str]) -> table.Line:
    """Return the line of a figure."""
    ran = ours != table.NOT_RUN
    views = f"{figure.queries} → {figure.database}" if figure.queries else ", ".join(row.data.views)
    return table.Line(
        paper=f"{row.paper}, {row.table}",
        data=f"{row.data.source}, {views}",
        row=row.row,
        measure=figure.measure,
        bits=" / ".join(map(str, sorted(figure.paper))),
        papers=" / ".join(_number(figure.paper[bits]) for bits in sorted(figure.paper)),
        ours=ours,
        protocol=protocol,
        seed=str(row.learn.seed) if ran else "",
        minutes=minutes,
        machine=_machine(devices) if ran else "",
        remark=row.remark if ran else f"{row.not_run}. {row.remark}".strip(),
    )


def _number(value: float) -> str:
    """Return a figure as the table shows it: shares with four digits, small ones with their first digits, counts plain.

    >>> _number(0.16214), _number(0.0000123), _number(9828), _number(798.47)
    ('0.1621', '1.2e-05', '9,828', '798.5')
    """
    if value >= 10:
        return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
    return f"{value:.4f}" if value >= 0.001 or value == 0 else f"{value:.1e}"


def _machine(devices: Collection[str]) -> str:
    """Return the processor and the cores there are, behind the GPUs on which codes were learned."""
    found = machine()
    return ", ".join([*sorted(set(devices) - {"cpu"}), found["processor"], f"{found['cores']} cores"])


if __name__ == "__main__":
    cli.script("reproduce")
