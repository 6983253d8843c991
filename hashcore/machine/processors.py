"""The processors that this process may use, and the instruction set of its kernels."""

from __future__ import annotations

import os

from hashcore import _kernels
from hashcore.arguments import check_whole
from hashcore.errors import InvalidInputError
from hashcore.machine.limits import cores

MOST_THREADS = 4096


def available_isas() -> list[str]:
    """Return the names of the instruction sets that this processor has kernels for, best last."""
    return list(_kernels.available_isas())


def isa() -> str:
    """Return the instruction set in use: the best one here, or the one that HASHCORE_ISA names.

    Raises:
        InvalidInputError: If HASHCORE_ISA names one that is not available here.
    """
    return str(_kernels.chosen_isa())


def available_threads() -> int:
    """Return the cores that this process may use, or HASHCORE_THREADS where that is set.

    Raises:
        InvalidInputError: If HASHCORE_THREADS is no number of threads.
    """
    wanted = os.environ.get("HASHCORE_THREADS", "").strip()
    if wanted and not (wanted.isdecimal() and int(wanted) <= MOST_THREADS):
        raise InvalidInputError(
            f"HASHCORE_THREADS={wanted!r} is no number of threads; use 1..{MOST_THREADS}, or unset it to take every "
            "processor"
        )
    return int(wanted or 0) or cores()


def check_threads(threads: int) -> int:
    """Return the threads to use: so many, or for 0 every processor that this process may run on.

    Raises:
        InvalidInputError: If it is no whole number from 0 on.
    """
    wanted = check_whole(threads, "threads", 0, MOST_THREADS, otherwise="; 0 takes every processor")
    return wanted or available_threads()
