"""Measure this machine: our kernels and tables beside their peers, in one run, results asserted equal first."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hashcore.errors import InvalidInputError
from jobs.benchmarks import building, nearest, ranking, scan, search
from jobs.benchmarks.comparison import machine, write

BENCHMARKS = {
    "scan": scan.run,
    "search": search.run,
    "nearest": nearest.run,
    "ranking": ranking.run,
    "build": building.run,
}


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hashcore bench`."""
    command.add_argument("what", choices=[*BENCHMARKS, "all"], help="which comparison to run")
    command.add_argument("--codes", type=int, help="number of codes; each benchmark has its own default")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the rows, and the machine, to a file")


def run(given: argparse.Namespace) -> None:
    """Print a line a comparison.

    Raises:
        InvalidInputError: If the number of codes is too small to measure anything.
    """
    if given.codes is not None and given.codes < 1000:
        raise InvalidInputError(f"--codes {given.codes} is too few to measure anything; use 1000 or more")
    print("; ".join(f"{name}: {value}" for name, value in machine().items()), flush=True)
    sizes = {} if given.codes is None else {"codes": given.codes}
    rows = []
    for name in BENCHMARKS if given.what == "all" else [given.what]:
        for row in BENCHMARKS[name](**sizes):
            print(row.line(), flush=True)
            rows.append(row)
    if given.json:
        write(given.json, rows)
        print(f"written: {given.json}")


if __name__ == "__main__":
    from jobs import cli

    sys.exit(cli.main(["bench", *sys.argv[1:]]))
