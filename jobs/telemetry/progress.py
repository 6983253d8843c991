"""What verbs show people: tables, times, and how far a long job is and how fast it goes, quiet without a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TextIO

MIN_INTERVAL_S = 0.2


class Progress:
    """One line of a terminal, rewritten as work advances.

    >>> with Progress("encode", total=100, unit="rows") as progress:
    ...     progress.advance(100)
    """

    def __init__(self, label: str, total: int | None = None, unit: str = "tasks", stream: TextIO | None = None) -> None:
        self.label = label
        self.total = total
        self.unit = unit
        self.done = 0
        self._stream = stream or sys.stderr
        self._quiet = not self._stream.isatty()
        self._started_s = time.monotonic()
        self._shown_s = 0.0

    def advance(self, amount: int = 1) -> None:
        """Count further work as done."""
        self.reach(self.done + amount)

    def reach(self, done: int, total: int | None = None) -> None:
        """Say how much is done in all, and how much there is where that became known just now."""
        self.done = done
        self.total = total or self.total
        now_s = time.monotonic()
        if not self._quiet and now_s - self._shown_s >= MIN_INTERVAL_S:
            self._shown_s = now_s
            self._stream.write(f"\r\x1b[K{describe(self.label, done, self.total, self.unit, now_s - self._started_s)}")
            self._stream.flush()

    def __enter__(self) -> Progress:
        """Start the clock."""
        self._started_s = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Clear the line: what was done is told by the job's own last line."""
        if not self._quiet and self._shown_s:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def describe(label: str, done: int, total: int | None, unit: str, elapsed_s: float) -> str:
    """Return the text of a progress line.

    >>> describe("encode", 250, 1000, "rows", 5.0)
    'encode: 250/1,000 rows, 50.0 rows/s, 15 s left'
    >>> describe("train", 3, None, "batches", 2.0)
    'train: 3 batches, 1.5 batches/s'
    """
    rate = done / elapsed_s if elapsed_s > 0 else 0.0
    amount = f"{done:,}" if total is None else f"{done:,}/{total:,}"
    speed = f"{rate:,.0f}" if rate >= 100 else f"{rate:.1f}"
    text = f"{label}: {amount} {unit}, {speed} {unit}/s"
    if total is not None and rate > 0:
        text += f", {duration(max(total - done, 0) / rate)} left"
    return text


def duration(seconds: float) -> str:
    """Return a time as people say it.

    >>> duration(9.2), duration(75), duration(7500)
    ('9 s', '1 min 15 s', '2 h 05 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def table(lines: Sequence[tuple[str, ...]]) -> str:
    """Return lines of cells in right-aligned columns."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.rjust, line, widths)).rstrip() for line in lines)
