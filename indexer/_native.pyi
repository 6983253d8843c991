from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Numbers = NDArray[np.uint32]
Lists = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint16]]  # offsets, ids, distances
TableArrays = tuple[int, int, int, int, Numbers, Words, Numbers | None]  # word, shift, bits, filter word, arrays
TableWork = tuple[int, int, int, float]  # probes, candidates, verified, seconds
# Radii, probes and candidates of the tables, expected nanoseconds by tables and by a scan: indexer.plans.Allocation.
Plan = tuple[tuple[int, ...], tuple[int, ...], tuple[float, ...], float, float]

RowArrays = tuple[Words, Numbers | None, Numbers | None, NDArray[np.int64] | None, int, bool]  # first arguments below
BlockArrays = tuple[int, int, int, Numbers, Words, Numbers]  # begin, end, bits, offsets, words, positions
# Of the fold table: sizes and starts of classes, offsets, before, tags.
FoldArrays = tuple[Numbers, Numbers, Numbers, NDArray[np.uint8], NDArray[np.uint8]]
ListArrays = tuple[NDArray[np.int64], Numbers, NDArray[np.uint8]]  # offsets, counts, bytes
SparseWork = tuple[int, int, int, float, int, int, float]  # queries, radius, probes, expected, compared, found, seconds
SparseAnswer = tuple[Lists, list[SparseWork], float, float]  # expected nanoseconds by the plans, and by scans

Route = Literal["folds", "signatures", "lists", "fold scan", "scan"]

COSTS: tuple[str, ...]  # fields of indexer.plans.Costs, in order
SPARSE_COSTS: tuple[str, ...]  # fields of indexer.search.sparse.SparseCosts, in order
ROUTES: tuple[Route, ...]  # by number
MOST_BUCKET_BITS: int  # of a bucket's number in a table
MOST_BLOCKS: int  # of signatures
ORDER_BITS: int  # of a fold's hash, by which the codes of a class ascend
BUCKETS_PER_GROUP: int  # of the fold table
MANY_BEFORE: int  # codes of a group before a bucket, or more of them
TAGS_READ_AT_ONCE: int  # so as many less one stand behind the last

class ShardTables:
    def __init__(
        self,
        codes: Words,
        row_offsets: Numbers | None,
        short_ids: Numbers | None,
        long_ids: NDArray[np.int64] | None,
        id_base: int,
        some_empty: bool,
        tables: list[TableArrays],
    ) -> None: ...
    def range(
        self, queries: Words, radius: int, radii: list[int], max_candidates: int, max_rows: int, threads: int
    ) -> tuple[Lists, list[TableWork], bool] | None: ...
    def nearest(
        self, queries: Words, k: int, farthest: int, probe: float, candidate: float, scan: float, threads: int
    ) -> tuple[Lists, NDArray[np.uint8]]: ...
    def plan(self, queries: Words, radius: int, probe: float, candidate: float, scan: float) -> Plan: ...

class SparseTables:
    def __init__(
        self,
        codes: Words,
        row_offsets: Numbers | None,
        short_ids: Numbers | None,
        long_ids: NDArray[np.int64] | None,
        id_base: int,
        some_empty: bool,
        folds: FoldArrays | None,
        blocks: list[BlockArrays],
        lists: ListArrays | None,
    ) -> None: ...
    def range(
        self, queries: Words, radius: int, route: int, costs: tuple[float, ...], max_rows: int, threads: int
    ) -> SparseAnswer | None: ...
    def routes(
        self, queries: Words, radius: int, route: int, costs: tuple[float, ...]
    ) -> tuple[list[int], float, float]: ...  # queries by route, expected nanoseconds by the plans, and by scans
    def nearest(
        self, queries: Words, k: int, farthest: int, route: int, costs: tuple[float, ...], threads: int
    ) -> Lists: ...

def allocate(
    radius: int,
    bits: Sequence[int],
    rings: NDArray[np.float64],
    codes: int,
    words: int,
    probe: float,
    candidate: float,
    scan: float,
) -> Plan: ...
def hash_folds(codes: Words, sizes: Numbers, hashes: Words, threads: int) -> None: ...
def count_groups(sizes: Numbers, starts: Numbers) -> int: ...
def fill_folds(
    sizes: Numbers,
    starts: Numbers,
    hashes: Words,
    offsets: Numbers,
    before: NDArray[np.uint8],
    tags: NDArray[np.uint8],
) -> None: ...
def sign(codes: Words, begin: int, end: int, bits: int, keys: Words, threads: int) -> None: ...
def measure_lists(
    codes: Words, sizes: Numbers, starts: Numbers, counts: Numbers, lengths: NDArray[np.int64], threads: int
) -> None: ...
def first_damaged_list(
    sizes: Numbers, starts: Numbers, offsets: NDArray[np.int64], counts: Numbers, postings: NDArray[np.uint8]
) -> int: ...
def fill_lists(
    codes: Words,
    sizes: Numbers,
    starts: Numbers,
    offsets: NDArray[np.int64],
    counts: Numbers,
    postings: NDArray[np.uint8],
    threads: int,
) -> None: ...
def permute_bits(codes: Words, order: NDArray[np.uint16], out: Words, threads: int) -> None: ...  # of any strides
def arrange(
    codes: Words, bits: int, ids: NDArray[np.int64], base: int, are_short: bool, threads: int
) -> tuple[Words, Numbers, Numbers, Numbers]: ...  # distinct codes (flat), starts, order, short ids
def fill_table(
    keys: Words,
    filter_words: Words,
    shift: int,
    bits: int,
    offsets: Numbers,
    positions: Numbers,
    words: Words,
    threads: int,
) -> None: ...
def fill_offsets(keys: Words, shift: int, bits: int, offsets: Numbers) -> None: ...
def hash_keys(
    offsets: NDArray[np.int64], content: NDArray[np.uint8], seed: int, ids: NDArray[np.int64], threads: int
) -> None: ...
def find_hashed(
    ids: NDArray[np.int64], rows: Numbers, wanted: NDArray[np.int64], found: NDArray[np.int64], threads: int
) -> None: ...  # found[i] == len(ids) where there is none
def copy_spans(
    content: NDArray[np.uint8],
    starts: NDArray[np.int64],
    offsets: NDArray[np.int64],
    out: NDArray[np.uint8],
    threads: int,
) -> None: ...
