"""Costs of changes: appending a hundredth against a rebuild, searching past deleted rows against none."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

import indexer
from hashcore.neighbors import Neighbors
from jobs.machine import dense_codes
from jobs.machine.measuring import timed
from jobs.research.benchmarks.comparison import Comparison, compare, same_neighbors

BITS, ROUNDS, RADII = 64, 3, (4, 8)
APPENDED, DELETED = 0.01, 0.1
QUERIES = 50_000


def run(codes: int = 16_000_000) -> Iterator[Comparison]:
    """Yield a row for appending, and one a radius and one for the nearest 10 for searching past deleted rows."""
    with tempfile.TemporaryDirectory() as folder:
        yield compare_append(codes, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        yield from compare_deleted(codes, Path(folder))


def compare_append(codes: int, folder: Path) -> Comparison:
    """Return the row of appending a hundredth to an index, against building the whole anew; ids interleave."""
    rng = np.random.default_rng(0)
    more = int(codes * APPENDED)
    database = dense_codes.uniform(rng, codes + ROUNDS * more, BITS)
    queries = dense_codes.near_duplicates(rng, database, 1_000, 2)
    ids = rng.permutation(len(database))
    index = indexer.build(str(folder / "grown"), ids[:codes], database[:codes], code_length=BITS)
    seconds, rebuilt_s = [], []
    for stop in range(codes + more, len(database) + 1, more):
        part = slice(stop - more, stop)
        seconds.append(timed(lambda part=part: index.append(ids[part], database[part])))  # type: ignore[misc]
        root = str(folder / f"rebuilt-{stop}")
        rebuilt_s.append(timed(lambda: indexer.build(root, ids[:stop], database[:stop], code_length=BITS)))  # noqa: B023
        same = same_neighbors(index.range_search(queries, 4), indexer.open(root).range_search(queries, 4))
        assert same, "what was appended to answers otherwise than what was rebuilt"
    ratios = [rebuilt / own for own, rebuilt in zip(seconds, rebuilt_s, strict=True)]
    work = f"append {more:,} to {codes:,} x {BITS} bits"
    return Comparison(work, "rebuild", median(ratios), ratios, median(seconds), median(rebuilt_s), {"codes": codes})


def compare_deleted(codes: int, folder: Path) -> Iterator[Comparison]:
    """Yield rows of searching an index a tenth of whose rows are deleted, against the index before that."""
    rng = np.random.default_rng(0)
    database = dense_codes.uniform(rng, codes, BITS)
    queries = dense_codes.near_duplicates(rng, database, QUERIES, 3)
    whole = indexer.build(str(folder), np.arange(codes), database, code_length=BITS)
    gone = np.sort(rng.permutation(codes)[: int(codes * DELETED)])
    less = indexer.open(str(folder)).delete(gone)

    def same(ours: Neighbors, theirs: Neighbors) -> bool:
        lives = ~np.isin(theirs.ids, gone)
        return bool((ours.ids == theirs.ids[lives]).all() and (ours.distances == theirs.distances[lives]).all())

    for radius in RADII:
        yield compare(
            f"radius {radius}, {DELETED:.0%} of {codes:,} x {BITS} bits deleted",
            "nothing deleted",
            lambda radius=radius: less.range_search(queries, radius, threads=1),  # type: ignore[misc]
            lambda radius=radius: whole.range_search(queries, radius, threads=1),  # type: ignore[misc]
            equal=same,
            rounds=ROUNDS,
            codes=codes,
            queries=QUERIES,
        )
    some = queries[:2_000]
    yield compare(
        f"nearest 10, {DELETED:.0%} of {codes:,} x {BITS} bits deleted",
        "nothing deleted",
        lambda: less.knn_search(some, 10, threads=1),
        lambda: whole.knn_search(some, 10, threads=1),
        equal=lambda ours, _: not np.isin(ours.ids, gone).any() and bool((ours.counts() == 10).all()),
        rounds=ROUNDS,
        codes=codes,
        queries=len(some),
    )
