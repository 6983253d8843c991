"""Progress is a line on a terminal and nothing elsewhere."""

from __future__ import annotations

import doctest
import io

from jobs.telemetry import progress
from jobs.telemetry.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run(stream, total=4):
    with Progress("encode", total=total, unit="rows", stream=stream) as shown:
        shown.advance(total)
    return shown, stream.getvalue()


def test_a_terminal_shows_amount_and_rate_and_is_left_clean():
    shown, text = run(Terminal())
    assert shown.done == 4
    assert "encode: 4/4 rows" in text
    assert "rows/s" in text
    assert text.endswith("\r\x1b[K")


def test_a_file_sees_nothing():
    shown, text = run(io.StringIO())
    assert shown.done == 4
    assert text == ""


def test_lines_are_rewritten_at_most_a_few_times_a_second():
    stream = Terminal()
    with Progress("encode", total=10_000, stream=stream) as shown:
        for _ in range(10_000):
            shown.advance()
    assert shown.done == 10_000
    assert 1 <= stream.getvalue().count("encode") < 1000


def test_a_total_may_become_known_later():
    with Progress("search", stream=Terminal()) as shown:
        shown.reach(1, total=7)
    assert (shown.done, shown.total) == (1, 7)


def test_the_examples_of_the_docstrings_hold():
    failed, tried = doctest.testmod(progress)
    assert failed == 0
    assert tried >= 3
