"""Figures are told with their bounds."""

from __future__ import annotations

import pytest

from jobs.evaluation.metrics import Figure, describe


def figure(value, worst=None, best=None):
    return Figure(
        value=value,
        best=best,
        worst=worst,
        ties="",
        denominator="",
        without_relevant="",
        queries=1,
        left_out=0,
        database_size=1,
        code_length=8,
    )


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (figure(0.5), "0.5000"),
        (figure(0.5, 0.25, 0.75), "0.5000 (0.2500 to 0.7500 by the order of ties)"),
        (figure(None), "not defined: no query has relevant items"),
    ],
)
def test_a_figure_is_described_with_its_bounds(given, text):
    assert describe(given) == text
