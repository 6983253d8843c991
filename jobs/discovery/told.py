"""The look at a corpus in words: files, columns with their guessed roles, and the first rows."""

from __future__ import annotations

from typing import Any

from hashcore.errors import brief, one_line
from jobs.discovery.looking import Corpora

MOST_COLUMNS, VALUE_WIDTH, LIST_VALUES = 40, 44, 4


def lines(seen: Corpora) -> list[str]:
    """Return the lines that tell a corpus."""
    rows = "rows not counted" if seen.rows is None else f"{seen.rows:,} rows"
    told = [f"{seen.place}: format {seen.format}, {seen.told}, {rows}"]
    shown = seen.columns[:MOST_COLUMNS]
    wide = max((len(column.name) for column in shown), default=0)
    for column in shown:
        role = "" if column.role == "other" else column.role
        told.append(f"  {column.name:<{wide}}  {column.kind}  {': '.join(filter(None, (role, column.told)))}".rstrip())
    if len(seen.columns) > len(shown):
        told.append(f"  and {len(seen.columns) - len(shown):,} columns more")
    if seen.sizes:
        sizes = dict.fromkeys(f"{width} x {height}" for width, height in seen.sizes)
        told.append(f"images of {', '.join(sizes)} pixels, of the {len(seen.sizes)} looked at")
    if seen.first:
        told.append("first rows:")
    for row in seen.first:
        values = [f"{name}={value_told(row[name])}" for name in list(row)[:MOST_COLUMNS]]
        told.append("  " + one_line(", ".join(values), None))
    return told


def value_told(value: Any) -> str:
    """Return a value on one line, cut where it is long.

    >>> value_told([1, 2, 3, 4, 5]), value_told(bytes(40)), value_told("a")
    ('[1, 2, 3, 4, … 5 in all]', '0x0000000000000000…', "'a'")
    """
    if isinstance(value, bytes):
        return f"0x{value[:8].hex()}" + ("…" if len(value) > 8 else "")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {value_told(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        items = [f"{each:.4g}" if isinstance(each, float) else value_told(each) for each in value[:LIST_VALUES]]
        more = [f"… {len(value)} in all"] if len(value) > LIST_VALUES else []
        return f"[{', '.join([*items, *more])}]"
    return brief(value, VALUE_WIDTH)
