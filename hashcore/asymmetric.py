"""Asymmetric Hamming distance: binary codes against real-valued queries, to re-rank neighbors (HDML §4, eq. 11)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import check_numbers, check_whole
from hashcore.codes import MAX_CODE_LENGTH, Codes, check_codes, unpack
from hashcore.errors import InvalidInputError
from hashcore.neighbors import Neighbors

Projections = NDArray[np.floating]

MEAN_ACTIVATION = 0.25
BYTES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little") * 2.0 - 1  # ±1, (256, 8)


def bit_scale(projections: Projections) -> NDArray[np.float64]:
    """Return the scale s of each bit that brings the mean of |s·f(x)| to 0.25, shape (code_length,).

    Args:
        projections: f(x) of a sample of the database, shape (n, code_length).

    Raises:
        InvalidInputError: If there are none, or a value is NaN or infinite.
    """
    projections = check_numbers(projections, "projections", ("n", "code_length"))
    if not len(projections):
        raise InvalidInputError("projections: there are none; give those of a sample of the database")
    scale = np.abs(projections).mean(axis=0, dtype=np.float64)
    return MEAN_ACTIVATION / np.where(scale > 0, scale, 1)


def asymmetric_distances(codes: Codes, projection: Projections, *, scale: Projections) -> NDArray[np.float64]:
    """Return ¼ ‖h − tanh(s ∘ v)‖² of each code h ∈ {−1, +1}^L to one query's projection v.

    As s grows this tends to the Hamming distance to the code of v. Costs one table look-up a byte.

    Args:
        codes: Shape (n, ceil(L / 8)).
        projection: v = f(query), shape (L,).
        scale: s, a slope for each bit, shape (L,); see `bit_scale`.

    Returns:
        Shape (n,), in bits.

    Raises:
        InvalidInputError: If the codes have another length than the projection, or a value is NaN or infinite.
    """
    activation = _activations(check_numbers(projection, "projection", ("code_length",)), scale)
    check_whole(len(activation), "code_length", 1, MAX_CODE_LENGTH)
    codes = check_codes(codes, len(activation))
    width = codes.shape[1]
    padded = np.zeros(8 * width)
    padded[: len(activation)] = activation
    table = padded.reshape(width, 8) @ BYTES.T  # table[j, b] = Σ h·tanh(s·v) over the bits of byte j where it is b
    products = table[np.arange(width), codes].sum(axis=1)
    return (len(activation) + activation @ activation - 2 * products) / 4  # type: ignore[no-any-return]


def knn_search(
    database: Codes, projections: Projections, k: int, *, scale: Projections, queries_at_once: int = 64
) -> NDArray[np.int64]:
    """Return the rows of the k codes nearest to each query by asymmetric distance, equal ones by row number.

    Costs a matrix product of all codes with the queries: n · q · L.

    Args:
        database: Codes, shape (n, ceil(L / 8)).
        projections: f(query), shape (q, L).
        k: Neighbors of each query.
        scale: A slope for each bit, shape (L,).
        queries_at_once: Queries whose distances to all n codes are held in memory.

    Returns:
        Row numbers, int64, shape (q, k); element [i, j] is the row of query i's j-th nearest code.

    Raises:
        InvalidInputError: If the codes have another length than the projections, or are fewer than k.
    """
    projections = check_numbers(projections, "projections", ("q", "code_length"))
    width, k = projections.shape[1], check_whole(k, "k", 1)
    queries_at_once = check_whole(queries_at_once, "queries_at_once", 1)
    check_whole(width, "code_length", 1, MAX_CODE_LENGTH)
    database = check_codes(database, width, "database")
    if k > len(database):
        raise InvalidInputError(f"k={k} exceeds the {len(database)} codes; use k <= {len(database)}")
    signs = unpack(database, width).astype(np.float32) * 2 - 1
    activations = _activations(projections, scale).astype(np.float32)
    blocks = [activations[start : start + queries_at_once] for start in range(0, len(activations), queries_at_once)]
    found = [_largest(block @ signs.T, k) for block in blocks]  # of one query, distance falls as the product rises
    return np.concatenate([np.empty((0, k), np.int64), *found])


def _activations(projections: Projections, scale: Projections) -> NDArray[np.float64]:
    """Return tanh(s ∘ v) of checked projections, whose last axis is that of the bits."""
    scale = check_numbers(scale, "scale", (projections.shape[-1],))
    with np.errstate(over="ignore"):  # beyond all bounds is as good as 1
        activations: NDArray[np.float64] = np.tanh(scale.astype(np.float64) * projections)
    return activations


def _largest(products: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the columns of the k largest values of each row, equal ones by column."""
    least = -np.partition(-products, k - 1, axis=1)[:, k - 1 : k]
    rows = []
    for values, bound in zip(products, least, strict=True):
        candidates = np.flatnonzero(values >= bound)
        rows.append(candidates[np.argsort(-values[candidates], kind="stable")[:k]])
    return np.array(rows, np.int64).reshape(len(products), k)


def rerank(neighbors: Neighbors, codes: Codes, projections: Projections, *, scale: Projections) -> NDArray[np.int64]:
    """Return the order of each query's neighbors by (asymmetric distance, Hamming distance, id).

    Args:
        neighbors: Candidates of q queries, more of them than are wanted in the end.
        codes: The neighbors' codes, aligned with `neighbors.ids`, shape (total, bytes).
        projections: f(query), shape (q, code_length).
        scale: A slope for each bit, shape (code_length,).

    Returns:
        A permutation of 0 … total − 1 that keeps each query's neighbors together: index ids, distances or classes.

    Raises:
        InvalidInputError: If codes or projections are not aligned with the neighbors.
    """
    neighbors = neighbors.checked()
    projections = check_numbers(projections, "projections", ("q", "code_length"))
    codes = check_codes(codes, check_whole(projections.shape[1], "code_length", 1, MAX_CODE_LENGTH))
    if len(codes) != len(neighbors.ids) or len(projections) != len(neighbors):
        raise InvalidInputError(
            f"{len(codes)} codes and {len(projections)} projections for {len(neighbors.ids)} neighbors of "
            f"{len(neighbors)} queries; give one code to each neighbor and one projection to each query"
        )
    distances = [
        asymmetric_distances(codes[start:stop], projection, scale=scale)
        for start, stop, projection in zip(neighbors.offsets[:-1], neighbors.offsets[1:], projections, strict=True)
    ]
    keys = (neighbors.ids, neighbors.distances, np.concatenate([np.empty(0), *distances]), neighbors.query_numbers())
    return np.lexsort(keys)
