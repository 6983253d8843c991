"""Every native function that may take long hears an interruption while it works, and not after."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hashcore import _kernels
from indexer import _native

pytestmark = pytest.mark.faults

SHORT = {
    "_kernels.available_isas": "a list of four",
    "_kernels.chosen_isa": "a name",
    "_native.count_groups": "a loop over a few thousand classes",
    "_native.allocate": "a loop over the bits of a radius",
    "_native.ShardTables.plan": "a few hundred buckets of 64 queries",
}
"""Functions that end at once, and why."""

PREPARE = """
import operator, signal, sys, tempfile
from functools import partial
import numpy as np
import indexer
from hashcore import _kernels, codes, hamming
from indexer import _native

random = np.random.default_rng(0)
threads = int(sys.argv[1])

def words(rows, columns):
    return random.integers(0, 2**63, (columns, rows), dtype=np.uint64)

def empty(size, kind):
    return np.empty(size, kind)

def shard_of(packed, bits, kind):
    layout = indexer.plan_layout(packed[:5000], code_length=bits, rows_per_shard=len(packed), kind=kind)
    more = {"code_length": bits, "kind": kind, "layout": layout}
    return indexer.build(tempfile.mkdtemp(dir=sys.argv[2]), np.arange(len(packed)), packed, **more).open_shard(0)

def sparse(rows):
    bits = np.zeros((rows, 512), np.uint8)
    bits[np.arange(rows)[:, None], (random.random((rows, 12)) ** 2 * 512).astype(int)] = 1
    return codes.pack(bits)
"""

# The mark is made by C code right after the native function: only one that was left by an exception makes none.
RUN = """
def interrupt(*_):
    raise KeyboardInterrupt

marks = []
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.02)
try:
    list(map(operator.call, [work, partial(marks.append, "not heard")]))
    print("ended before it was interrupted")
except KeyboardInterrupt:
    print(*marks or ["heard"])
"""

CLASSES = "sizes, starts = np.array([1], np.uint32), np.array([0, rows], np.uint32)\n"
CASES = {
    "_kernels.to_columns": """
packed = random.integers(0, 256, (4_000_000, 1024 // 8), np.uint8)
work = partial(_kernels.to_columns, packed, np.empty((16, len(packed)), np.uint64))
""",
    "_kernels.merge_lists": """
rows = 40_000_000
ids = np.arange(rows)
one = (np.array([0, rows]), ids, np.zeros(rows, np.uint16))
work = partial(_kernels.merge_lists, [one, one, one], 2**62, threads)
""",
    "_kernels.scan_range": """
packed = random.integers(0, 256, (100_000, 128), np.uint8)
work = partial(_kernels.scan_range, packed, hamming.to_rows(packed), 300, threads)
""",
    "_kernels.scan_range_of_columns": """
packed = random.integers(0, 256, (100_000, 128), np.uint8)
work = partial(_kernels.scan_range_of_columns, hamming.to_columns(packed), hamming.to_rows(packed), 300, threads)
""",
    "_kernels.scan_nearest": """
packed = random.integers(0, 256, (100_000, 128), np.uint8)
work = partial(_kernels.scan_nearest, packed, hamming.to_rows(packed), 10, threads)
""",
    "_kernels.scan_histogram": """
packed = random.integers(0, 256, (100_000, 128), np.uint8)
none, counts = np.zeros((0, 0), np.uint64), np.zeros((2, 20_000, 1025), np.int64)
rows = hamming.to_rows(packed[:20_000])
work = partial(_kernels.scan_histogram, hamming.to_columns(packed), rows, none, none, *counts, threads)
""",
    "_native.ShardTables.range": """
packed = random.integers(0, 256, (300_000, 8), np.uint8)
shard = shard_of(packed, 64, "dense")
radii = list(shard.plan(packed[:100], 8).radii)
rows, search = shard.contents.query_rows(packed), shard.searcher
work = partial(search.native.range, rows, 8, radii, 2**62, 2**62, threads)
""",
    "_native.ShardTables.nearest": """
packed = random.integers(0, 256, (300_000, 8), np.uint8)
shard = shard_of(packed, 64, "dense")
rows, search = shard.contents.query_rows(packed), shard.searcher
work = partial(search.native.nearest, rows, 10, 64, 3.0, 0.25, 0.06, threads)
""",
    "_native.SparseTables.range": """
packed = sparse(100_000)
shard = shard_of(packed, 512, "sparse")
rows, search = shard.contents.query_rows(packed), shard.searcher
work = partial(search.native.range, rows, 10, -1, search.costs, 2**62, threads)
""",
    "_native.SparseTables.nearest": """
packed = sparse(100_000)
shard = shard_of(packed, 512, "sparse")
rows, search = shard.contents.query_rows(packed), shard.searcher
work = partial(search.native.nearest, rows, 30, 512, -1, search.costs, threads)
""",
    "_native.SparseTables.routes": """
packed = sparse(100_000)
shard = shard_of(packed, 512, "sparse")
rows, search = np.tile(shard.contents.query_rows(packed), (30, 1)), shard.searcher
work = partial(search.native.routes, rows, 10, -1, search.costs)
""",
    "_native.permute_bits": """
columns, order = words(1_000_000, 16), random.permutation(1024).astype(np.uint16)
work = partial(_native.permute_bits, columns, order, np.empty_like(columns), threads)
""",
    "_native.arrange": """
rows = 20_000_000
work = partial(_native.arrange, words(rows, 1), 64, random.permutation(rows), 0, True, threads)
""",
    "_native.fill_table": """
rows, keys = 30_000_000, words(30_000_000, 1)[0]
made = empty(2**24 + 1, np.uint32), empty(rows, np.uint32), empty(rows, np.uint64)
work = partial(_native.fill_table, keys, keys, 0, 24, *made, threads)
""",
    "_native.fill_offsets": """
rows = 250_000_000
keys = np.arange(rows, dtype=np.uint64)
work = partial(_native.fill_offsets, keys, 3, 24, empty(2**24 + 1, np.uint32))
""",
    "_native.hash_keys": """
rows = 40_000_000
content = np.zeros(40 * rows, np.uint8)  # never written, so of no memory
work = partial(_native.hash_keys, np.arange(rows + 1) * 40, content, 0, empty(rows, np.int64), threads)
""",
    "_native.find_hashed": """
rows = 10_000_000
ids = random.integers(-(2**63), 2**63, rows)
ordered = np.argsort(ids).astype(np.uint32)
work = partial(_native.find_hashed, ids, ordered, ids, empty(rows, np.int64), threads)
""",
    "_native.copy_spans": """
rows = 25_000_000
offsets, content = np.arange(rows + 1) * 60, np.zeros(60, np.uint8)
work = partial(_native.copy_spans, content, np.zeros(rows, np.int64), offsets, empty(60 * rows, np.uint8), threads)
""",
    "_native.hash_folds": """
codes_ = words(4_000_000, 64)
work = partial(_native.hash_folds, codes_, empty(4_000_000, np.uint32), empty(4_000_000, np.uint64), threads)
""",
    "_native.fill_folds": CLASSES.replace("rows", "100_000_000")
    + """
groups = _native.count_groups(sizes, starts)
hashes = np.arange(100_000_000, dtype=np.uint64) << np.uint64(38)
made = empty(groups + 1, np.uint32), empty(32 * groups, np.uint8), empty(100_000_007, np.uint8)
work = partial(_native.fill_folds, sizes, starts, hashes, *made)
""",
    "_native.sign": """
columns = words(5_000_000, 4)
work = partial(_native.sign, columns, 0, 256, 20, empty(5_000_000, np.uint64), threads)
""",
    "_native.measure_lists": "rows = 3_000_000\n"
    + CLASSES
    + """
made = empty((512, 1), np.uint32), empty((512, 1), np.int64)
work = partial(_native.measure_lists, words(rows, 8), sizes, starts, *made, threads)
""",
    "_native.fill_lists": "rows = 3_000_000\n"
    + CLASSES
    + """
columns = words(rows, 8)
counts, lengths = empty((512, 1), np.uint32), empty((512, 1), np.int64)
_native.measure_lists(columns, sizes, starts, counts, lengths, 2)
offsets, made = np.cumsum(lengths) - lengths.ravel(), np.zeros(int(lengths.sum()), np.uint8)
work = partial(_native.fill_lists, columns, sizes, starts, offsets, counts, made, threads)
""",
    "_native.first_damaged_list": "rows = 100_000_000\n"
    + CLASSES
    + """
counts = np.full((64, 1), 5_000_000, np.uint32)
work = partial(
    _native.first_damaged_list, sizes, starts, np.zeros(64, np.int64), counts, np.zeros(5_000_000, np.uint8)
)
""",
}


def native_functions():
    """Yield the names of all that the native modules offer."""
    for module in (_kernels, _native):
        prefix = module.__name__.rpartition(".")[2]
        for name, thing in vars(module).items():
            if isinstance(thing, type):
                yield from (f"{prefix}.{name}.{method}" for method in vars(thing) if not method.startswith("_"))
            elif callable(thing) and not name.startswith("_"):
                yield f"{prefix}.{name}"


def test_every_native_function_has_a_case_or_a_reason():
    assert set(native_functions()) == set(CASES) | set(SHORT)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", CASES)
def test_a_native_function_stops_where_it_is_interrupted(tmp_path, name, threads):
    program = PREPARE + CASES[name] + RUN
    ended = subprocess.run(
        [sys.executable, "-c", program, str(threads), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.stdout == "heard\n", ended.stdout + ended.stderr
