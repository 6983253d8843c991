"""Recognition of lists of 0 and 1, one for each class or tag, where numbers of classes or tags are meant."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def may_be_hot(counts: NDArray[Any], values: NDArray[Any]) -> bool:
    """Return whether lists look like a 0 or 1 (or −1 or 1) for each class, rather than like numbers.

    All have one length, and no other values; and they repeat one, or do not ascend, as a set of numbers would.
    Empty rows are left out where they have no list at all. `counts` has shape (n,), the lengths of n lists; `values`
    has shape (total,), the lists one after another.

    >>> may_be_hot(np.array([2, 2]), np.array([0, 1, 1, 0])), may_be_hot(np.array([2]), np.array([0, 1]))
    (True, False)
    """
    lengths = np.unique(counts[counts > 0])
    if len(lengths) != 1 or lengths[0] < 2 or not (np.isin(values, (0, 1)).all() or np.isin(values, (-1, 1)).all()):
        return False
    return bool((np.diff(values.reshape(-1, lengths[0]).astype(np.int64), axis=1) <= 0).any())
