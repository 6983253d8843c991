"""Arguments as callers give them: whole numbers and arrays, returned checked, or refused in one line.

Every public function hands what it is given through here before it computes with it; native code checks nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hashcore.errors import InvalidInputError, brief

Length = int | str  # of a dimension: so many, or as many as there are, by a name for the error

KINDS = {"iu": "whole numbers", "f": "floats", "iuf": "numbers", "biuf": "numbers"}


def check_whole(value: object, name: str, least: int, most: int | None = None, *, otherwise: str = "") -> int:
    """Return a whole number of at least `least` and at most `most`, Python's or NumPy's, as Python's.

    Args:
        value: What was given; True and 2.0 are no whole numbers.
        name: Of the argument.
        least: The smallest that is allowed.
        most: The largest that is allowed; None allows all.
        otherwise: What is allowed beside, for the error.

    Raises:
        InvalidInputError: If it is none, or outside.

    >>> check_whole(np.int64(3), "k", 1)
    3
    """
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_whole or value < least or (most is not None and value > most):  # type: ignore[operator]
        bounds = f"{least}..{most}" if most is not None else f"of at least {least}"
        raise InvalidInputError(f"{name}={brief(value)}: use a whole number {bounds}{otherwise}")
    return int(value)  # type: ignore[call-overload, no-any-return]


def check_array(values: Any, name: str, shape: Sequence[Length], kind: str | type[np.generic]) -> NDArray[Any]:
    """Return an array of some shape and type, C-ordered; a list is taken as NumPy reads it.

    Args:
        values: What was given.
        name: Of the argument.
        shape: Length of each dimension, or a name for one that may have any.
        kind: A type, or the letters of the kinds that will do: "iu" for whole numbers, "iuf" for numbers.

    Raises:
        InvalidInputError: If it is no such array.

    >>> check_array([[1, 2]], "pairs", ("n", 2), "iu").shape
    (1, 2)
    """
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):  # lists of different lengths, or what cannot be an array
        raise _refused(name, shape, kind, type(values).__name__) from None
    fits = array.dtype.kind in kind if isinstance(kind, str) else array.dtype == kind
    if isinstance(kind, str) and array.size == 0 and array.dtype == np.float64 and isinstance(values, list):
        fits = True  # NumPy's type for an empty list
    lengths = [length for length in shape if isinstance(length, int)]
    held = [have for have, length in zip(array.shape, shape, strict=False) if isinstance(length, int)]
    if not fits or array.ndim != len(shape) or held != lengths:
        raise _refused(name, shape, kind, f"{array.dtype} of shape {array.shape}")
    return np.ascontiguousarray(array)


def _refused(name: str, shape: Sequence[Length], kind: str | type[np.generic], got: str) -> InvalidInputError:
    """Return the error of something that is no such array."""
    wanted = KINDS[kind] if isinstance(kind, str) else np.dtype(kind).name
    lengths = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
    return InvalidInputError(f"{name}: need {wanted} of shape {lengths}, got {got}")
