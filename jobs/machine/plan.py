"""Predict bytes, hours and queries a second of an index not built yet, from what this machine is measured to do."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass

import numpy as np

from hashcore.codes import check_code_length
from hashcore.errors import InvalidInputError
from hashcore.hamming import check_radius
from indexer.plans import Allocation, Substring, allocate, substrings_for
from indexer.tasks import ROWS_PER_SHARD
from jobs.machine.measuring import Constants, measure

BATCH = 1_000_000
GIB = 1 << 30
PAGE = 4096
PAGES_PER_PROBE = 2  # of bucket offsets, and of entries


@dataclass(frozen=True)
class Prediction:
    """Prediction for an index that is not built yet.

    Attributes:
        shards: Files.
        bytes_per_code: On disk.
        build_s: Seconds to build on all cores, beside reading the codes: computing or writing, whichever takes longer.
        query_us: Microseconds a query takes on one core, over all shards, in bulk.
        queries_per_s: On all cores, everything in memory.
        read_bytes: That a batch of queries reads from storage, where nothing is in memory.
        cold_s: Seconds of such a batch: reading or searching, whichever takes longer, as they overlap.
        plan: The radii of a shard's tables, or a scan.
    """

    shards: int
    bytes_per_code: float
    build_s: float
    query_us: float
    queries_per_s: float
    read_bytes: float
    cold_s: float
    plan: Allocation


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of `hashcore plan`."""
    command.add_argument("--codes", type=float, required=True, help="number of dense codes, such as 1e9")
    command.add_argument("--bits", type=int, default=64, help="bits of a code")
    command.add_argument("--radius", type=int, default=4, help="of the searches, in bits")
    command.add_argument("--cores", type=int, default=2, help="cores that build and search")
    command.add_argument("--queries", type=float, default=BATCH, help="queries in a batch, for searches from storage")
    command.add_argument("--rows-per-shard", type=float, default=ROWS_PER_SHARD, help="codes in a shard at most")


def run(given: argparse.Namespace) -> None:
    """Measure this machine for some seconds and print the prediction."""
    codes, queries, rows_per_shard = int(given.codes), int(given.queries), int(given.rows_per_shard)
    if min(codes, given.cores, queries, rows_per_shard) < 1:
        raise InvalidInputError(
            f"--codes {given.codes:g} --cores {given.cores} --queries {given.queries:g} "
            f"--rows-per-shard {given.rows_per_shard:g}: use 1 or more of each"
        )
    check_radius(given.radius, check_code_length(given.bits))
    constants = measure(given.bits)
    found = predict(constants, codes, given.bits, given.radius, given.cores, rows_per_shard, queries)
    gib = codes * found.bytes_per_code / GIB
    print(f"{codes:,} codes of {given.bits} bits, radius {given.radius}, {given.cores} cores like these")
    print(f"index    {found.shards} shards, {found.bytes_per_code:.1f} bytes a code, {gib:,.1f} GiB")
    print(f"build    {found.build_s:,.0f} s beside reading the codes")
    way = "scan" if found.plan.is_scan else f"tables of radii {', '.join(map(str, found.plan.radii))}"
    print(f"search   {found.query_us:,.1f} us a query and core in bulk, {found.queries_per_s:,.0f} queries/s; {way}")
    print(
        f"cold     {queries:,} queries read {found.read_bytes / GIB:,.1f} GiB in {found.cold_s:,.0f} s: "
        f"{queries / found.cold_s:,.0f} queries/s"
    )


def predict(
    constants: Constants,
    codes: int,
    code_length: int,
    radius: int,
    cores: int,
    rows_per_shard: int = ROWS_PER_SHARD,
    queries: int = BATCH,
) -> Prediction:
    """Return what an index of uniform codes costs: the hard case for tables of real codes' size."""
    shards = math.ceil(codes / rows_per_shard)
    rows = math.ceil(codes / shards)
    substrings = substrings_for(code_length, rows)
    words = -(-code_length // 64)
    rings = np.array([[_ring_entries(s, i, rows) for i in range(4)] for s in substrings])
    bits = [s.bits for s in substrings]
    plan = allocate(radius, bits, rings, codes=rows, words=words, costs=constants.costs)
    query_us = shards * (min(plan.tables_ns, plan.scan_ns) + constants.query) / 1000
    stored = codes * bytes_per_code(substrings, words, rows, codes)
    read_bytes = codes * searched_bytes_per_code(plan, substrings, words, rows, queries)
    return Prediction(
        shards=shards,
        bytes_per_code=stored / codes,
        build_s=max(constants.build * codes * len(substrings) / cores, constants.write * stored) / 1e9,
        query_us=query_us,
        queries_per_s=cores * 1e6 / query_us,
        read_bytes=read_bytes,
        cold_s=max(constants.read * read_bytes / 1e9, queries * query_us / cores / 1e6),
        plan=plan,
    )


def bytes_per_code(substrings: tuple[Substring, ...], words: int, rows: int, codes: int) -> float:
    """Return the bytes of a shard's file by its rows: codes, ids, tables, bucket offsets (indexer/FORMAT.md)."""
    ids = 4 if codes < 2**32 else 8
    offsets = sum(4 << s.bits for s in substrings)
    return float(8 * words + ids + 12 * (len(substrings) - 1) + offsets / rows)


def searched_bytes_per_code(
    plan: Allocation, substrings: tuple[Substring, ...], words: int, rows: int, queries: int
) -> float:
    """Return the bytes per row that one batch reads: the tables in full, or two pages per probe if that is less."""
    if plan.is_scan:
        return 8.0 * words
    used = [s for s, probes in zip(substrings, plan.probes, strict=True) if probes]
    whole = sum(8 + (4 << s.bits) / rows for s in used)
    return float(min(whole, queries * sum(plan.probes) * PAGES_PER_PROBE * PAGE / rows))


def _ring_entries(substring: Substring, flips: int, rows: int) -> float:
    """Return the entries of all buckets exactly `flips` bits away, codes being uniform."""
    return math.comb(substring.bits, flips) * rows / float(1 << substring.bits)
