"""Packed binary codes: uint8 rows whose bit i is bit i % 8 (least significant first) of byte i // 8."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hashcore.arguments import check_array, check_whole
from hashcore.errors import InvalidInputError

Codes = NDArray[np.uint8]
Kind = Literal["dense", "sparse", "ternary"]

MIN_CODE_LENGTH = 8
MAX_CODE_LENGTH = 4096
UINT8 = np.dtype(np.uint8)


def code_bytes(code_length: int) -> int:
    """Return the bytes that one code of `code_length` bits takes."""
    return (code_length + 7) // 8


def pack(bits: ArrayLike) -> Codes:
    """Pack bits into codes.

    Args:
        bits: Shape (n, L); values 0/1, bool, or −1/+1 (−1 becomes 0).

    Returns:
        Codes of shape (n, ceil(L / 8)); unused high bits of the last byte are zero.

    Raises:
        InvalidInputError: If the shape is not (n, L) or a value is not among those listed.

    >>> pack([[1, 1, 0, 0, 0, 0, 0, 0, 0, 1]]).tolist()
    [[3, 2]]
    """
    array = _two_dimensional(bits, "bits")
    if array.dtype != np.bool_ and not np.isin(array, (-1, 0, 1)).all():
        raise InvalidInputError("bits hold values other than 0, 1 and -1; take the sign of projections before packing")
    if array.dtype != np.bool_ and (array == 0).any() and (array == -1).any():
        raise InvalidInputError("bits mix 0 and -1; use 0/1 or -1/+1, or pack_ternary for values of -1, 0 and +1")
    return np.packbits(array > 0, axis=1, bitorder="little")


def unpack(codes: Codes, code_length: int) -> NDArray[np.uint8]:
    """Unpack codes of shape (n, ceil(code_length / 8)) to bits 0/1 of shape (n, code_length).

    >>> unpack(np.array([[3, 2]], np.uint8), 10).tolist()
    [[1, 1, 0, 0, 0, 0, 0, 0, 0, 1]]
    """
    code_length = check_whole(code_length, "code_length", 1, MAX_CODE_LENGTH)
    return np.unpackbits(check_codes(codes, code_length), axis=1, count=code_length, bitorder="little")


def pack_ternary(values: ArrayLike) -> Codes:
    """Pack values −1/0/+1 of shape (n, m) into two planes: bit i is set where +1, bit m + i where −1.

    The Hamming distance of two results equals the L1 distance of their values (SparseHash, loss 4).

    >>> pack_ternary([[0, 1, -1]]).tolist()
    [[34]]
    """
    array = _two_dimensional(values, "values")
    if not np.isin(array, (-1, 0, 1)).all():
        raise InvalidInputError("ternary values must be -1, 0 or +1; apply the threshold before packing")
    return pack(np.concatenate([array > 0, array < 0], axis=1))


def unpack_ternary(codes: Codes, dimensions: int) -> NDArray[np.int8]:
    """Unpack two-plane codes to values −1/0/+1 of shape (n, dimensions).

    >>> unpack_ternary(np.array([[34]], np.uint8), 3).tolist()
    [[0, 1, -1]]
    """
    dimensions = check_whole(dimensions, "dimensions", 1, MAX_CODE_LENGTH // 2)
    planes = unpack(codes, 2 * dimensions).astype(np.int8)
    return planes[:, :dimensions] - planes[:, dimensions:]


def check_code_length(code_length: int) -> int:
    """Return `code_length` if codes of that many bits are supported, else raise InvalidInputError."""
    return check_whole(code_length, "code_length", MIN_CODE_LENGTH, MAX_CODE_LENGTH)


def check_kind(kind: str) -> Kind:
    """Return `kind` if it is one of dense, sparse, ternary, else raise InvalidInputError."""
    if not isinstance(kind, str) or kind not in get_args(Kind):
        raise InvalidInputError(f"kind={kind!r} is unknown; use one of {', '.join(get_args(Kind))}")
    return kind  # type: ignore[return-value]


def check_codes(codes: Any, code_length: int, name: str = "codes") -> Codes:
    """Return `codes` as a C-ordered uint8 array if it holds codes of `code_length` bits.

    Raises:
        InvalidInputError: If dtype, shape or width differ, or a bit beyond `code_length` is set.
    """
    array = check_packed(codes, name)
    if array.shape[1] != code_bytes(code_length):
        raise InvalidInputError(
            f"{name} are {array.shape[1]} bytes wide but {code_length} bits take {code_bytes(code_length)}; "
            "encode both sides with the same hasher"
        )
    if code_length % 8 and len(array) and int(array[:, -1].max()) >> (code_length % 8):
        raise InvalidInputError(f"{name} set bits beyond code_length={code_length}; unused high bits must be zero")
    return array


def check_packed(codes: Any, name: str = "codes") -> Codes:
    """Return `codes` as a C-ordered uint8 array if it holds packed codes of any length that is supported.

    Raises:
        InvalidInputError: If dtype or shape differ.
    """
    array = codes if _is_plain(codes) else check_array(codes, name, ("n", "bytes"), np.uint8)
    if not 1 <= array.shape[1] <= MAX_CODE_LENGTH // 8:
        raise InvalidInputError(
            f"{name}: {array.shape[1]} bytes a code; use 1..{MAX_CODE_LENGTH // 8}, as hashcore.codes.pack returns them"
        )
    return array


def _is_plain(codes: Any) -> bool:
    """Return whether there is nothing to convert: single queries come so, many times a second."""
    return type(codes) is np.ndarray and codes.dtype == UINT8 and codes.ndim == 2 and codes.flags.c_contiguous


def _two_dimensional(values: ArrayLike, name: str) -> NDArray[Any]:
    """Return `values` as an array of shape (n, L)."""
    array = check_array(values, name, ("n", "code_length"), "biuf")
    if array.shape[1] == 0:
        raise InvalidInputError(f"{name} need shape (n, code_length), got {array.shape}")
    return array
