import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Counts = NDArray[np.int64]
Lists = tuple[Counts, NDArray[np.int64], NDArray[np.uint16]]  # offsets, ids, distances

def available_isas() -> list[str]: ...
def chosen_isa() -> str: ...
def to_columns(codes: NDArray[np.uint8], columns: Words) -> None: ...
def scan_range(columns: Words, queries: Words, radius: int, threads: int) -> Lists: ...
def scan_nearest(columns: Words, queries: Words, k: int, threads: int) -> Lists: ...
def scan_histogram(
    columns: Words,
    queries: Words,
    item_masks: Words,
    query_masks: Words,
    every: Counts,
    relevant: Counts,
    threads: int,
) -> None: ...
