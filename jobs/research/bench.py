"""Measure this machine: our kernels and tables beside their peers, in one run, results asserted equal first."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from hashcore.codes import check_code_length
from hashcore.errors import InvalidInputError
from hashcore.hamming import check_radius
from jobs import cli
from jobs.research.benchmarks import building, generations, latency, nearest, ranking, scan, search, sparse
from jobs.research.benchmarks.comparison import Comparison, machine, write
from jobs.research.benchmarks.spark import encode_job, search_job

BENCHMARKS: dict[str, Callable[..., Iterator[Comparison]]] = {
    "scan": scan.run,
    "search": search.run,
    "search-spark": search_job.run,
    "nearest": nearest.run,
    "latency": latency.run,
    "ranking": ranking.run,
    "build": building.run,
    "generations": generations.run,
    "encode": encode_job.run,
    "sparse": sparse.run,
}
MIN_CODES = 1000


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hashcore bench`."""
    command.add_argument("what", choices=[*BENCHMARKS, "all"], help="which comparison to run")
    command.add_argument("--codes", type=float, help="number of codes; each benchmark has its own default")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the rows, and the machine, to a file")
    asked = command.add_argument_group("of `bench search` and `bench search-spark`")
    asked.add_argument("--radius", type=int, nargs="+", metavar="R", help="radii in bits")
    asked.add_argument("--queries", type=float, help="number of queries; as many as the peer answers in half a minute")
    only = command.add_argument_group("of `bench search`")
    only.add_argument("--bits", type=int, nargs="+", metavar="L", help="code lengths, multiples of 8; 64 128 256")
    only.add_argument("--data", choices=search.KINDS, help="planted near-duplicates, uniform, or codes of a hasher")
    only.add_argument("--database", metavar="DIR", help="learned codes: the codes directory to search")
    only.add_argument("--query-set", metavar="DIR", help="learned codes: the codes directory of the queries")
    only.add_argument("--peer", choices=search.PEERS, nargs="+", help="whom to compare with; multihash")


def run(given: argparse.Namespace) -> None:
    """Print a line a comparison.

    Raises:
        InvalidInputError: If the number of codes is too small to measure anything, or options do not fit.
    """
    chosen = list(BENCHMARKS) if given.what == "all" else [given.what]
    options = search_options(given)
    if given.codes is not None and given.codes < MIN_CODES:
        raise InvalidInputError(f"--codes {given.codes:g} is too few to measure anything; use {MIN_CODES} or more")
    asked = search.Options(codes=options.codes)
    if given.what == "search-spark":
        asked = replace(asked, radii=options.radii, queries=options.queries)
    if given.what != "search" and options != asked:
        raise InvalidInputError(
            f"bench {given.what}: --bits, --data and --peer belong to bench search, --radius and --queries to it and "
            "bench search-spark; leave them out"
        )
    print("; ".join(f"{name}: {value}" for name, value in machine().items()), flush=True)
    rows = []
    for name in chosen:
        for row in rows_of(name, given, options):
            print(row.line(), flush=True)
            rows.append(row)
    if given.json:
        write(given.json, rows)
        print(f"written: {given.json}")


def rows_of(name: str, given: argparse.Namespace, options: search.Options) -> Iterator[Comparison]:
    """Yield the rows of one benchmark."""
    if name == "search":
        return search.run(options)
    sizes: dict[str, Any] = {} if given.codes is None else {"codes": int(given.codes)}
    if name == "search-spark":
        sizes |= {"radii": options.radii} if options.radii else {}
        sizes |= {"queries": options.queries} if options.queries else {}
    return BENCHMARKS[name](**sizes)


def search_options(given: argparse.Namespace) -> search.Options:
    """Return what `bench search` is asked to do.

    Raises:
        InvalidInputError: If a code length is no multiple of 8, or a radius does not lie in the codes.
    """
    usual = search.Options()
    bits = tuple(given.bits or usual.bits)
    for length in bits:
        if check_code_length(length) % 8:
            raise InvalidInputError(f"--bits {length}: use a multiple of 8, as faiss does")
    for radius in given.radius or ():
        check_radius(radius, min(bits))
    return search.Options(
        codes=int(given.codes or usual.codes),
        bits=bits,
        radii=tuple(given.radius or ()),
        kind=given.data or usual.kind,
        peers=tuple(given.peer or usual.peers),
        queries=None if given.queries is None else int(given.queries),
        database=given.database,
        query_set=given.query_set,
    )


if __name__ == "__main__":
    cli.script("bench")
