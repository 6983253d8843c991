"""Forms in which an array or a number may reach a public function: right values oddly in memory, and wrong ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def _strided(array):
    wide = np.repeat(array, 2, axis=0)
    return wide[::2]


def _reversed(array):
    return array[::-1].copy()[::-1]


def _read_only(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def _unaligned(array):
    room = np.zeros(array.nbytes + 1, np.uint8)
    copy = room[1:].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


SAME: dict[str, Callable[[Any], Any]] = {
    "Fortran order": np.asfortranarray,
    "every second row": _strided,
    "rows backwards": _reversed,
    "columns of a wider one": lambda array: np.concatenate([array, array], axis=-1)[..., : array.shape[-1]],
    "read-only": _read_only,
    "unaligned": _unaligned,
    "a subclass": lambda array: array.view(type("Sub", (np.ndarray,), {})),
}
"""Equal values: the answer must be that to the contiguous array."""

SAME_OR_REFUSED: dict[str, Callable[[Any], Any]] = {
    "a list": lambda array: array.tolist(),
    "other byte order": lambda array: array.astype(array.dtype.newbyteorder()),
    "float64": lambda array: array.astype(np.float64),
    "int64": lambda array: array.astype(np.int64),
    "uint64": lambda array: array.astype(np.uint64),
    "int32": lambda array: array.astype(np.int32),
    "uint8": lambda array: array.astype(np.uint8),
    "objects": lambda array: array.astype(object),
    "complex": lambda array: array.astype(np.complex128),
}
"""Another type: where the values are still equal, the answer must be the same, or the array is refused."""

ROWS: dict[str, Callable[[Any], Any]] = {
    "fewer rows": lambda array: array[:-1],
    "more rows": lambda array: np.concatenate([array, array[:1]]),
    "no rows": lambda array: array[:0],
}
"""Other numbers of rows: refused where they must agree with those of another argument."""

WRONG: dict[str, Callable[[Any], Any]] = {
    "None": lambda array: None,
    "a number": lambda array: 3,
    "a text": lambda array: "codes",
    "texts": lambda array: array.astype(str),
    "booleans": lambda array: array.astype(bool),
    "times": lambda array: np.zeros(array.shape, "datetime64[s]"),
    "records": lambda array: np.zeros(array.shape, [("a", np.int64)]),
    "rows of other lengths": lambda array: [[1], [1, 2]],
    "no dimension": lambda array: np.array(7, array.dtype),
    "one dimension more": lambda array: array[..., None],
    "one dimension less": lambda array: array.ravel() if array.ndim > 1 else array.sum(),
    "a column less": lambda array: array[..., :-1],
    "a column more": lambda array: np.concatenate([array, array[..., :1]], axis=-1),
    "no columns": lambda array: array[..., :0],
    "the largest values": lambda array: np.full_like(array, _bound(array.dtype, "max")),
    "the smallest values": lambda array: np.full_like(array, _bound(array.dtype, "min")),
    "backwards": lambda array: array[::-1].copy(),
    "not a number": lambda array: np.full(array.shape, np.nan),
    "infinite": lambda array: np.full(array.shape, np.inf),
    "beyond float32": lambda array: np.full(array.shape, 1e39),
    "nothing but zeros": np.zeros_like,
}
"""What is refused, or has an answer of its own, that to its contiguous copy."""

SAME_NUMBERS: tuple[Callable[[int], Any], ...] = (np.int64, np.uint16, lambda number: np.array([number], np.int32)[0])
WRONG_NUMBERS = (True, 1.0, "1", None, -1, -(2**70), 2**70, float("nan"), np.float32(2), np.array([1, 2]), [1])


def _bound(dtype, name):
    return getattr(np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype), name)


def formed(array: Any, forms: dict[str, Callable[[Any], Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the forms of an array that it can take."""
    for name, form in forms.items():
        if array.size or form not in (_unaligned,):
            with np.errstate(all="ignore"):
                yield name, form(array)
