"""The definition of search in plain Python: the slow truth that every kernel, table and shard is held against."""

from collections.abc import Sequence

import numpy as np

from hashcore.neighbors import Neighbors

CODE_LENGTHS = (8, 12, 31, 32, 48, 63, 64, 65, 100, 128, 256, 512)


def as_integers(codes: np.ndarray) -> list[int]:
    return [int.from_bytes(row.tobytes(), "little") for row in codes]


def ranking(ids: Sequence[int], database: Sequence[int], query: int) -> list[tuple[int, int]]:
    """All (distance, id), nearest first, ties by id."""
    return sorted(((query ^ code).bit_count(), id_) for id_, code in zip(ids, database, strict=True))


def pairs(neighbors: Neighbors, query: int) -> list[tuple[int, int]]:
    ids, distances = neighbors.of(query)
    return list(zip(distances.tolist(), ids.tolist(), strict=True))


def clustered_bits(rng: np.random.Generator, items: int, code_length: int) -> np.ndarray:
    """Bits with exact duplicates and near-duplicates, as learned codes have them."""
    centers = rng.integers(0, 2, (max(items // 6, 1), code_length))
    bits = centers[rng.integers(0, len(centers), items)]
    flips = rng.random((items, code_length)) < rng.choice([0.0, 0.03, 0.3], (items, 1))
    return bits ^ flips
