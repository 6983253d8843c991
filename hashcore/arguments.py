"""Arguments as callers give them: whole numbers and arrays, returned checked, or refused in one line.

Every public function hands what it is given through here before it computes with it; native code checks nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import InvalidInputError, brief

Dtype = str | type[np.generic] | np.dtype[Any]
Length = int | str  # of a dimension: so many, or as many as there are, by a name for the error

LARGEST = 2**63 - 1
KINDS = {"iu": "whole numbers", "f": "floats", "iuf": "numbers", "biuf": "numbers"}


def check_whole(value: object, name: str, least: int, most: int = LARGEST, *, otherwise: str = "") -> int:
    """Return a whole number of at least `least` and at most `most`, Python's or NumPy's, as Python's.

    Args:
        value: An argument; True and 2.0 are no whole numbers.
        name: Of the argument.
        least: The smallest that is allowed.
        most: The largest that is allowed.
        otherwise: Other values that are allowed, for the error.

    Raises:
        InvalidInputError: If it is none, or outside.

    >>> check_whole(np.int64(3), "k", 1)
    3
    """
    if type(value) is int and least <= value <= most:
        return value
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_whole or not least <= value <= most:  # type: ignore[operator]
        bounds = f"{least}..{most}" if most < LARGEST else f"of at least {least}"
        raise InvalidInputError(f"{name}={brief(value)}: use a whole number {bounds}{otherwise}")
    return int(value)  # type: ignore[call-overload, no-any-return]


def as_array(values: Any, name: str) -> NDArray[Any]:
    """Return values as NumPy reads them.

    Raises:
        InvalidInputError: If it is no array: lists of different lengths, for example.
    """
    try:
        return np.asarray(values)
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"{name}: a {type(values).__name__} that is no array; give rows of one length"
        ) from None


def check_array(values: Any, name: str, shape: Sequence[Length], kind: Dtype) -> NDArray[Any]:
    """Return an array of some shape and type, C-ordered; a list is taken as NumPy reads it.

    Args:
        values: An argument.
        name: Of the argument.
        shape: Length of each dimension, or a name for one that may have any.
        kind: A type, or the letters of the kinds that will do: "iu" for whole numbers, "iuf" for numbers.

    Raises:
        InvalidInputError: If it is no such array.

    >>> check_array([[1, 2]], "pairs", ("n", 2), "iu").shape
    (1, 2)
    """
    array = values if type(values) is np.ndarray else as_array(values, name)
    if kind == "iu" and array.size == 0 and array.dtype == np.float64:
        array = array.astype(np.int64)  # NumPy's type for an empty list
    fits = array.dtype.kind in kind if isinstance(kind, str) else array.dtype == kind
    if not fits or not _has_shape(array, shape):
        raise _refused(name, shape, kind, f"{array.dtype} of shape {array.shape}")
    return array if array.flags.c_contiguous else np.asarray(array, order="C")


def _has_shape(array: NDArray[Any], shape: Sequence[Length]) -> bool:
    """Return whether an array has as many dimensions, and each as long as it must be."""
    if array.ndim != len(shape):
        return False
    for have, length in zip(array.shape, shape, strict=True):  # any() would take a microsecond
        if have != length and not isinstance(length, str):
            return False
    return True


def check_numbers(values: Any, name: str, shape: Sequence[Length]) -> NDArray[Any]:
    """Return an array of numbers as `check_array` does, none of which is NaN or infinite.

    Raises:
        InvalidInputError: If it is no such array, or holds such a value.
    """
    array = check_array(values, name, shape, "iuf")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InvalidInputError(f"{name} hold NaN or infinite values; leave those out")
    return array


def check_places(values: Any, name: str, size: int) -> NDArray[np.int64]:
    """Return numbers of rows, int64 of shape (n,), each one of 0..size − 1.

    Raises:
        InvalidInputError: If they are none, or name a row that is not there.
    """
    rows = check_array(values, name, ("n",), "iu")
    if len(rows) and not (rows.min() >= 0 and rows.max() < size):
        raise InvalidInputError(f"{name}: {rows.min()}..{rows.max()} are not all among {size} rows; use 0..{size - 1}")
    return rows.astype(np.int64, copy=False)


def offsets_of(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Return offsets of parts of some sizes, shape (n,): int64, shape (n + 1,); part i is offsets[i]:offsets[i + 1].

    >>> offsets_of(np.array([2, 0, 1])).tolist()
    [0, 2, 2, 3]
    """
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def rises(offsets: NDArray[Any], total: int) -> bool:
    """Return whether offsets, shape (n + 1,), rise from 0 to a total: offsets[i]:offsets[i + 1] is then part i."""
    return bool(offsets[0] == 0 and offsets[-1] == total and (offsets[1:] >= offsets[:-1]).all())


def _refused(name: str, shape: Sequence[Length], kind: Dtype, got: str) -> InvalidInputError:
    """Return the error of something that is no such array."""
    wanted = KINDS[kind] if isinstance(kind, str) else np.dtype(kind).name
    lengths = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
    return InvalidInputError(f"{name}: need {wanted} of shape {lengths}, got {got}")
