"""Lines of cells, as verbs print them."""

from __future__ import annotations

from collections.abc import Sequence


def table(lines: Sequence[tuple[str, ...]]) -> str:
    """Return lines of cells in right-aligned columns."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.rjust, line, widths)).rstrip() for line in lines)
