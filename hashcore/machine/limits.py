"""Cores and memory that this process may use: what the machine has, within its affinity and its control groups.

A container's limits are those of a control group (cgroup, version 1 or 2) and of every group around it; the machine's
own figures do not tell them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def cores() -> int:
    """Return the number of cores: those of the affinity, at most the quota of time rounded up, at least 1."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(own, _quota()))


@cache
def _quota() -> int:
    """Return the least quota of processor time, in cores rounded up."""
    return min((math.ceil(quota) for quota in _quotas(CGROUPS, OWN)), default=1 << 20)


@cache
def memory_bytes() -> int:
    """Return the memory in bytes: that of the machine, or less where a control group allows less."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([whole, *_memory_limits(CGROUPS, OWN)])


def _memory_limits(cgroups: Path, own: Path) -> Iterator[int]:
    """Yield the limits of memory in bytes that there are."""
    for folder in _folders("memory", cgroups, own):
        for name in ("memory.max", "memory.limit_in_bytes"):
            for text in _words(folder / name)[:1]:
                if text.isdigit():
                    yield int(text)


def _quotas(cgroups: Path, own: Path) -> Iterator[float]:
    """Yield the quotas of processor time, in cores, that there are."""
    for folder in _folders("cpu", cgroups, own):
        words = _words(folder / "cpu.max") or [
            *_words(folder / "cpu.cfs_quota_us"),
            *_words(folder / "cpu.cfs_period_us"),
        ]
        if len(words) == 2 and all(word.isdigit() for word in words) and int(words[1]):
            yield int(words[0]) / int(words[1])


def _folders(controller: str, cgroups: Path, own: Path) -> Iterator[Path]:
    """Yield the folders of the groups that this process is in, and of those around them, that a controller limits."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number != "0" and controller not in controllers.split(","):
            continue
        root = cgroups if number == "0" else cgroups / controller
        place = root / path.lstrip("/")
        while place != root:
            yield place
            place = place.parent
        yield root


def _words(path: Path) -> list[str]:
    """Return the words of a file; none where it cannot be read."""
    try:
        return path.read_text().split()
    except OSError:
        return []
