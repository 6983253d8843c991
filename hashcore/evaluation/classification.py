"""Classification of queries by a vote of their k nearest neighbors (HDML §5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashcore.arguments import check_array, check_whole
from hashcore.errors import InvalidInputError
from hashcore.neighbors import Neighbors

Classes = NDArray[np.int32]
INT32 = np.iinfo(np.int32)


def classify(neighbors: Neighbors, classes: Classes, k: int) -> Classes:
    """Return for each query the class that most of its k nearest neighbors have.

    Of classes with equally many votes the one that comes first in the order of neighbors wins, so that the answer
    depends on nothing but that order, (distance, id).

    Args:
        neighbors: At least k neighbors for each of q queries, nearest first.
        classes: int32, shape (total,); the class of each neighbor, aligned with `neighbors.ids`.
        k: Neighbors that vote.

    Returns:
        int32, shape (q,).

    Raises:
        InvalidInputError: If a query has fewer than k neighbors, or `classes` is not aligned.

    >>> three = Neighbors(np.array([0, 3]), np.array([4, 8, 2]), np.array([0, 1, 1], np.uint16))
    >>> [int(classify(three, np.array([7, 5, 5], np.int32), k)[0]) for k in (1, 2, 3)]
    [7, 7, 5]
    """
    neighbors, classes, k = neighbors.checked(), check_classes(classes, "classes"), check_whole(k, "k", 1)
    _check(neighbors, classes, k)
    nearest = neighbors.offsets[:-1, None] + np.arange(k)
    names, numbers = np.unique(classes[nearest], return_inverse=True)
    queries = np.arange(len(neighbors))[:, None]
    ballots = (queries * len(names) + numbers.reshape(nearest.shape)).ravel()
    candidates, first, votes = np.unique(ballots, return_index=True, return_counts=True)
    query, name = np.divmod(candidates, max(1, len(names)))
    order = np.lexsort((first, -votes, query))
    winners = order[np.searchsorted(query[order], np.arange(len(neighbors)))]
    predicted: Classes = names[name[winners]].astype(np.int32)
    return predicted


def error_rate(predicted: Classes, actual: Classes) -> float:
    """Return the share of queries whose predicted class, shape (q,), is not the actual one, (q,); NaN without queries.

    >>> error_rate(np.array([1, 2, 3, 4]), np.array([1, 2, 3, 9]))
    0.25
    """
    predicted, actual = check_classes(predicted, "predicted"), check_classes(actual, "actual")
    if len(predicted) != len(actual):
        raise InvalidInputError(f"{len(predicted)} predicted classes for {len(actual)} actual ones; give one to each")
    return float(np.mean(predicted != actual)) if len(actual) else float("nan")


def check_classes(classes: Classes, name: str) -> Classes:
    """Return classes as int32 of shape (n,).

    Raises:
        InvalidInputError: If they are no whole numbers of 32 bits.
    """
    numbers = check_array(classes, name, ("n",), "iu")
    if len(numbers) and not INT32.min <= numbers.min() <= numbers.max() <= INT32.max:
        raise InvalidInputError(f"{name} span {numbers.min()}..{numbers.max()} but must fit int32; number the classes")
    return numbers.astype(np.int32, copy=False)


def _check(neighbors: Neighbors, classes: Classes, k: int) -> None:
    """Raise InvalidInputError unless k classed neighbors of each query can vote."""
    if len(classes) != len(neighbors.ids):
        raise InvalidInputError(f"{len(classes)} classes for {len(neighbors.ids)} neighbors; give one to each")
    fewest = int(neighbors.counts().min(initial=k))
    if fewest < k:
        raise InvalidInputError(f"k={k} exceeds the {fewest} neighbors of a query; search with k >= {k}")
