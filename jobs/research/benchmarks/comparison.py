"""A paired comparison: two ways to the same result, timed in turn."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hashcore import hamming
from hashcore.machine import limits
from hashcore.neighbors import Neighbors
from jobs.machine.measuring import timed

ROUNDS = 5


@dataclass(frozen=True)
class Comparison:
    """One row of a benchmark.

    Attributes:
        work: What was done, with codes, bits and radius or k.
        peer: Against what.
        ratio: Median over the rounds of peer's seconds by ours; above 1 we are faster.
        ratios: Of each round.
        seconds: Median of ours.
        peer_seconds: Median of the peer's.
        facts: Sizes of the data.
    """

    work: str
    peer: str
    ratio: float
    ratios: list[float]
    seconds: float
    peer_seconds: float
    facts: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """Return the row as text."""
        low, high = _times(min(self.ratios)), _times(max(self.ratios))
        return f"{self.work:<62} {_times(self.ratio):>9} {self.peer}   ({low} to {high})"


def _times(ratio: float) -> str:
    """Return a ratio as text, to three digits about 1."""
    return f"{ratio:.1f}x" if ratio >= 10 else f"{ratio:.2f}x"


def compare(
    work: str,
    peer: str,
    ours: Callable[[], Any],
    theirs: Callable[[], Any],
    *,
    equal: Callable[[Any, Any], bool],
    rounds: int = ROUNDS,
    **facts: Any,
) -> Comparison:
    """Time two functions in turn, after asserting that their results are equal.

    Raises:
        AssertionError: If the results differ; there is no ratio between different answers.
    """
    assert equal(ours(), theirs()), f"{work}: the answer differs from that of {peer}"
    seconds, peer_seconds = [], []
    for _ in range(rounds):
        seconds.append(timed(ours))
        peer_seconds.append(timed(theirs))
    ratios = [their / our for our, their in zip(seconds, peer_seconds, strict=True)]
    median = statistics.median
    return Comparison(work, peer, median(ratios), ratios, median(seconds), median(peer_seconds), facts)


def same_neighbors(one: Neighbors, other: Neighbors) -> bool:
    """Return whether two answers are equal to the last tie."""
    return (
        bool((one.offsets == other.offsets).all())
        and bool((one.ids == other.ids).all())
        and bool((one.distances == other.distances).all())
    )


def machine() -> dict[str, Any]:
    """Return what a figure depends on: processor, cores, instruction set, versions."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return {
        "processor": model,
        "cores": limits.cores(),
        "isa": hamming.isa(),
        "python": platform.python_version(),
    }


def write(path: Path, rows: list[Comparison]) -> None:
    """Write rows, and the machine they were measured on, as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine(), "rows": [asdict(row) for row in rows]}, indent=1) + "\n")
