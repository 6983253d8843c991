"""Measure what one core and the disk of this machine do, in some seconds: the constants of every prediction."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import indexer
from hashcore import hamming
from hashcore.codes import Codes
from indexer.plans import Costs
from jobs.machine import dense_codes

MEASURED_CODES = 4_000_000
MEASURED_QUERIES = 100_000
SCANNED_QUERIES = 100
READ_BLOCK = 8 << 20
WRITTEN_BYTES = 256 << 20


@dataclass(frozen=True)
class Constants:
    """Costs of steps on one core of this machine, in nanoseconds.

    Attributes:
        costs: Of a search: a bucket looked up, an entry compared, a word scanned.
        build: Of building, a code and table.
        query: Of each query and shard, whatever the radius.
        read: Of reading a byte of a file that is not in memory, in order; all cores together.
        write: Of writing a byte to the disk for good; all cores together.
    """

    costs: Costs
    build: float
    query: float
    read: float
    write: float


def measure(code_length: int) -> Constants:
    """Time building and searching some millions of uniform codes, on one thread."""
    rng = np.random.default_rng(0)
    database = dense_codes.uniform(rng, MEASURED_CODES, 8 * -(-code_length // 8))
    queries = dense_codes.near_duplicates(rng, database, MEASURED_QUERIES, 4)
    layout = indexer.plan_layout(database[:20_000], code_length=8 * database.shape[1], rows_per_shard=MEASURED_CODES)
    with tempfile.TemporaryDirectory() as root:
        started = time.perf_counter()
        entry = indexer.build_shard(root, np.arange(MEASURED_CODES), database, layout=layout, threads=1)
        build_s = time.perf_counter() - started
        shard = indexer.commit(root, [entry], layout=layout).open_shard(0)
        tables = len(layout.substrings)
        exact, near = tables - 1, 3 * tables - 1  # no flips, and up to two flips, in every table
        exact_s, near_s = _search_s(shard, queries, exact), _search_s(shard, queries, near)
        probes = sum(shard.plan(queries, near).probes) - tables
        write_ns = _write_ns(Path(root) / "written")
        read_ns = _read_ns(Path(root) / "written")
    some = queries[:SCANNED_QUERIES]
    scan_s = timed(lambda: hamming.range_search(database, some, 4, threads=1))
    probe_ns = 1e9 * max(near_s - exact_s, 0) / len(queries) / max(probes, 1)
    usual = Costs()
    costs = Costs(
        probe=probe_ns,
        candidate=probe_ns * usual.candidate / usual.probe,
        scan=1e9 * scan_s / len(some) / len(database),
    )
    per_table = MEASURED_CODES * tables
    computed_s = max(build_s - entry.bytes * write_ns / 1e9, 0)  # writing is counted by itself
    return Constants(
        costs, build=1e9 * computed_s / per_table, query=1e9 * exact_s / len(queries), read=read_ns, write=write_ns
    )


def _search_s(shard: indexer.Shard, queries: Codes, radius: int) -> float:
    """Return the seconds of a bulk search, once everything is mapped."""
    shard.range_search(queries, radius, threads=1)
    return timed(lambda: shard.range_search(queries, radius, threads=1))


def _write_ns(path: Path) -> float:
    """Return the nanoseconds that a byte takes to the disk, once its buffers are full."""
    block, start = os.urandom(READ_BLOCK), time.perf_counter()
    with path.open("wb", buffering=0) as file:
        for _ in range(WRITTEN_BYTES // READ_BLOCK):
            file.write(block)
        os.fsync(file.fileno())
    return 1e9 * (time.perf_counter() - start) / WRITTEN_BYTES


def _read_ns(path: Path) -> float:
    """Return the nanoseconds that a byte of a file takes that is not in memory."""
    with path.open("rb", buffering=0) as file:
        forget(file.fileno())
        block, size, start = bytearray(READ_BLOCK), 0, time.perf_counter()
        while count := file.readinto(block):
            size += count
        return 1e9 * (time.perf_counter() - start) / size


def forget(file: int) -> None:
    """Let the system drop what it keeps of a file in memory, where it can."""
    os.fsync(file)
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)


def timed(work: Callable[[], Any]) -> float:
    """Return the seconds that one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
