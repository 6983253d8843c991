"""The charts of the report, as SVG that takes its letters from the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jobs.evaluation.metrics import Curve, Curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET, FAINT = "#22211f", "#77736c", "#dcd8d0"
ACCENT, SECOND = "#24557a", "#b5862c"
RIGHT, WRONG = "#2e7d4f", "#b3402f"
SIZE_INCHES = (5.0, 3.1)
FRAME = (0.1, 0.135, 0.89, 0.84)  # the same in every chart, so that they line up
SVG_TAG = '<svg viewBox="{}" role="img" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
SHORT_STEPS = [1, 2, 5, 10]  # between ticks: 17.5 would push the axis' name out of the chart
MARKED_RADII = (0, 1, 2, 4, 8, 16, 32, 64, 128)
MARK_GAP = 0.07

STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # letters stay letters: they can be searched, and take the page's font
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": QUIET,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
}


def charts(curves: Curves) -> dict[str, str]:
    """Return the SVG of each chart by its name: pr, radius, top and distances."""
    draw: dict[str, Callable[[Axes, Curves], None]] = {
        "pr": precision_recall,
        "radius": against_radius,
        "top": precision_at,
        "distances": distances,
    }
    return {name: _svg(name, curves, function) for name, function in draw.items()}


def precision_recall(axes: Axes, curves: Curves) -> None:
    """Draw precision against recall as the radius grows, with some radii marked."""
    precision, recall = _array(curves.pr_precision), _array(curves.pr_recall)
    axes.plot(recall, precision, color=ACCENT)
    last = -1.0
    for radius in (r for r in MARKED_RADII if r < len(recall)):
        place = (recall[radius], precision[radius])
        if np.isfinite(place).all() and place[0] - last >= MARK_GAP:
            last = place[0]
            axes.plot(*place, "o", color=ACCENT, markersize=3.5)
            offset, side = ((6, 4), "left") if last < 0.9 else ((-6, -10), "right")
            axes.annotate(f"r = {radius}", place, offset, textcoords="offset points", ha=side, color=QUIET, fontsize=8)
    axes.set(xlabel="recall", ylabel="precision", xlim=(-0.01, 1.02), ylim=(0, 1.03))


def against_radius(axes: Axes, curves: Curves) -> None:
    """Draw mean precision, recall and F1 within each radius."""
    shown = _farthest(curves) + 1
    axes.plot(_array(curves.f1)[:shown], color=QUIET, linewidth=1, linestyle=(0, (4, 2)), label="F1")
    axes.plot(_array(curves.recall)[:shown], color=SECOND, label="recall")
    axes.plot(_array(curves.precision)[:shown], color=ACCENT, label="precision")
    axes.legend(frameon=False, labelcolor=QUIET, loc="center right", reverse=True)
    axes.set(xlabel="radius, bits", xlim=(0, shown - 1), ylim=(0, 1.03))


def precision_at(axes: Axes, curves: Curves) -> None:
    """Draw mean precision among the first k items."""
    size = curves.ks[-1]
    powers = [10**power for power in range(len(str(size)))]
    axes.plot(curves.ks, _array(curves.precision_at), color=ACCENT, marker="o", markersize=3)
    axes.set(xscale="log", xlabel="k nearest items", ylabel="precision", xlim=(0.9, 1.1 * size), ylim=(0, 1.03))
    axes.set_xticks(powers, [f"{power:,}" for power in powers])
    axes.set_xticks([], minor=True)


def distances(axes: Axes, curves: Curves) -> None:
    """Draw how the distances of relevant and of other pairs are distributed, each kind by itself."""
    edges = np.arange(len(curves.relevant_pairs) + 1) - 0.5
    kinds = (("other pairs", curves.irrelevant_pairs, WRONG), ("relevant pairs", curves.relevant_pairs, RIGHT))
    for name, counts, color in kinds:
        percent = 100 * np.array(counts) / max(1, sum(counts))
        axes.stairs(percent, edges, fill=True, color=color, alpha=0.22)
        axes.stairs(percent, edges, color=color, linewidth=1.4, label=name)
    axes.legend(frameon=False, labelcolor=QUIET, loc="upper right", reverse=True)
    axes.set(xlabel="distance, bits", ylabel="share of pairs, %", xlim=(-0.5, _farthest(curves) + 0.5), ylim=(0, None))
    axes.locator_params("y", nbins=5, steps=SHORT_STEPS)


def _farthest(curves: Curves) -> int:
    """Return the largest distance of any pair."""
    pairs = np.array(curves.relevant_pairs) + np.array(curves.irrelevant_pairs)
    return int(np.flatnonzero(pairs)[-1])


def _array(curve: Curve) -> NDArray[np.float64]:
    """Return a curve with NaN where it is not defined, which is not drawn."""
    return np.array([np.nan if value is None else value for value in curve])


def _svg(name: str, curves: Curves, draw: Callable[[Axes, Curves], None]) -> str:
    """Return one chart as an <svg> element; its ids are its own on the page, and the same in every run."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({**STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=SIZE_INCHES)
        draw(figure.add_axes(FRAME), curves)
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = re.sub(r'\b(id="|xlink:href="#|url\(#)', rf"\g<1>{name}-", text.getvalue())
    opening = re.search(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', svg)
    assert opening is not None  # matplotlib writes one
    return SVG_TAG.format(opening[1]) + svg[opening.end() :]
