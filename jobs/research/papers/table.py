"""Our table of the papers' figures: a page of Markdown in which a line, known by its first cells, is written anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hashcore.errors import InvalidInputError

HEADS = (
    "paper",
    "data",
    "row",
    "measure",
    "bits",
    "paper's",
    "ours",
    "protocol",
    "seed",
    "minutes",
    "machine",
    "remark",
)
KEY = 5  # cells that name a line
NOT_RUN = "not run"


class Line(NamedTuple):
    """A figure of a row for all its code lengths, as the table's cells."""

    paper: str
    data: str
    row: str
    measure: str
    bits: str
    papers: str
    ours: str
    protocol: str
    seed: str
    minutes: str
    machine: str
    remark: str

    def render(self) -> str:
        """Return the line as Markdown; a bar within a cell would end it."""
        return f"| {' | '.join(cell.replace('|', '/') for cell in self)} |"


def parse(text: str) -> Line | None:
    """Return the line that `render` printed, None for another text."""
    cells = [cell.strip() for cell in text.strip().split(" | ")]
    if len(cells) != len(Line._fields) or not cells[0].startswith("| "):
        return None
    return Line._make([cells[0][2:], *cells[1:-1], cells[-1].removesuffix("|").strip()])


def read(page: Path) -> list[Line]:
    """Return the lines of a page's table.

    Raises:
        InvalidInputError: If the page holds no such table.
    """
    return [line for line in map(parse, _parts(page)[1][2:]) if line is not None]


def update(page: Path, lines: Sequence[Line]) -> None:
    """Write lines into a page's table: over those that the same cells name, otherwise as new ones, in order.

    Raises:
        InvalidInputError: If the page holds no such table.
    """
    before, table, after = _parts(page)
    known = {line[:KEY]: line for line in map(parse, table[2:]) if line is not None}
    known.update({line[:KEY]: line for line in lines})
    rendered = [line.render() for _, line in sorted(known.items())]
    page.write_text("\n".join([*before, *table[:2], *rendered, *after]) + "\n", encoding="utf-8")


def heading() -> list[str]:
    """Return the two lines that begin the table."""
    return [f"| {' | '.join(HEADS)} |", f"|{'---|' * len(HEADS)}"]


def _parts(page: Path) -> tuple[list[str], list[str], list[str]]:
    """Return the lines of a page before its table, of the table, and after it."""
    try:
        lines = page.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InvalidInputError(f"{page} cannot be read ({error.strerror}); give the page with the table") from None
    first, _ = heading()
    if first not in lines:
        raise InvalidInputError(f"{page} holds no table of papers' figures; give the page with the table")
    start = lines.index(first)
    stop = next((i for i in range(start, len(lines)) if not lines[i].startswith("|")), len(lines))
    return lines[:start], lines[start:stop], lines[stop:]
