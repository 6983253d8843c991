"""The mean average precision of a ranking by Euclidean distance, for the rows of the papers' tables without codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import InvalidInputError
from hashcore.evaluation.counts import mean
from hashcore.evaluation.measure import Value


def euclidean(
    measure: str,
    database: NDArray[np.float32],
    queries: NDArray[np.float32],
    database_classes: NDArray[np.int32],
    query_classes: NDArray[np.int32],
) -> Value:
    """Return the mAP of the complete ranking by Euclidean distance; of items at one distance the earlier comes first.

    Raises:
        InvalidInputError: If another measure is wanted.
    """
    if measure != "mAP":
        raise InvalidInputError(f"measure {measure}: a ranking by Euclidean distance is judged by mAP alone")
    norms = (database**2).sum(axis=1)
    values = []
    for query, wanted in zip(queries, query_classes, strict=True):
        order = np.argsort(norms - 2 * database @ query, kind="stable")
        ranks = np.flatnonzero(database_classes[order] == wanted) + 1
        values.append(float((np.arange(1, len(ranks) + 1) / ranks).mean()) if len(ranks) else np.nan)
    return Value(mean(np.array(values)))
