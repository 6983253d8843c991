"""A column of ready-made codes, packed as ours are; values that are none are set aside with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hashcore import codes
from hashcore.codes import Codes, Kind, code_bytes
from hashcore.columns.plain import is_list, plain
from jobs.config.fingerprint import digest
from jobs.config.sections.importing import BitOrder, Encoding
from jobs.importing import hexadecimal

if TYPE_CHECKING:
    import pyarrow as pa

REVERSED = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little"), axis=1)[:, 0]
"""Byte whose bits are those of a byte in the other order."""
OFFSET = np.uint8(128)
Whole = NDArray[np.int64]


class Reading(NamedTuple):
    """How values are read as codes.

    Attributes:
        encoding: What a value holds.
        code_length: Bits of a code.
        kind: Of the codes.
        bit_order: First bit of a byte of packed codes and of hexadecimal digits; None for the others.
        signed: Whether packed bytes are stored less 128.
    """

    encoding: Encoding
    code_length: int
    kind: Kind = "dense"
    bit_order: BitOrder | None = None
    signed: bool = False

    def fingerprint(self) -> str:
        """Return what stands for a hasher: alike for all codes that were read alike, packed or as digits."""
        family = {"packed": "bytes", "hex": "bytes"}.get(self.encoding, self.encoding)
        return f"import:{digest([family, self.bit_order, self.code_length, self.kind])}"

    def bytes(self) -> int:
        """Return the bytes of a packed code."""
        return code_bytes(self.code_length)

    def values(self) -> int:
        """Return the values of a list of bits."""
        return self.code_length // 2 if self.kind == "ternary" else self.code_length


def in_own_order(packed: Codes, fingerprint: str | None, code_length: int, kind: Kind) -> Codes:
    """Return codes as people have them who imported them, or back: imports by `msb` turned the bits of each byte.

    Args:
        packed: Shape (n, bytes).
        fingerprint: That of the hasher, or of the import, that made the codes of an index.
        code_length: Bits of a code.
        kind: Of the codes.
    """
    msb = Reading("packed", code_length, kind, "msb").fingerprint()
    return REVERSED[packed] if fingerprint == msb else packed


class Decoded(NamedTuple):
    """Codes of some rows.

    Attributes:
        codes: Shape (m, bytes).
        rows: Rows that they are of, ascending, int64 of shape (m,).
        rejected: Other rows, each with its reason.
    """

    codes: Codes
    rows: Whole
    rejected: list[tuple[int, str]]


class _Sieve:
    """Rows that are left, and those set aside."""

    def __init__(self, rows: int) -> None:
        self.rows: Whole = np.arange(rows, dtype=np.int64)
        self.rejected: list[tuple[int, str]] = []

    def keep(self, good: Any, reason: str | list[str]) -> NDArray[np.bool_]:
        """Set those of the rows that are left aside that are not good, bool of shape (m,); give `good` back."""
        if not good.all():
            bad = np.flatnonzero(~good)
            said = [reason] * len(bad) if isinstance(reason, str) else [reason[place] for place in bad]
            self.rejected += zip(self.rows[bad].tolist(), said, strict=True)
            self.rows = self.rows[good]
        return np.asarray(good)

    def done(self, packed: Codes) -> Decoded:
        """Return the codes of the rows that are left."""
        return Decoded(packed, self.rows, sorted(self.rejected))


def decode(column: pa.Array | pa.ChunkedArray, reading: Reading) -> Decoded:
    """Return the codes that a column holds.

    Args:
        column: Bytes, texts, whole numbers or lists; however Arrow encodes them.
        reading: How they are read.

    >>> import pyarrow as pa
    >>> found = decode(pa.array(["80", "0x01", None]), Reading("hex", 8, bit_order="msb"))
    >>> found.codes.tolist(), found.rows.tolist(), found.rejected
    ([[1], [128]], [0, 1], [(2, 'no code')])
    """
    import pyarrow as pa

    array = plain(column)
    sieve = _Sieve(len(array))
    array = array.filter(pa.array(sieve.keep(np.asarray(array.is_valid()), "no code")))
    if pa.types.is_null(array.type):
        return sieve.done(np.empty((0, reading.bytes()), np.uint8))
    match reading.encoding:
        case "packed":
            found = _bytes(array, reading.bytes(), sieve) if _is_binary(array.type) else _listed(array, reading, sieve)
            return _in_order(found, reading, sieve)
        case "hex":
            return _in_order(_digits(array, reading.bytes(), sieve), reading, sieve)
        case "integer":
            return _in_order(_words(array, reading, sieve), reading, sieve)
        case "bits":
            return _bits(array, reading, sieve)


def _is_binary(kind: pa.DataType) -> bool:
    """Return whether values are bytes."""
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _bytes(array: pa.Array, width: int, sieve: _Sieve) -> Codes:
    """Return the bytes of a binary column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sizes = pc.binary_length(array).to_numpy(zero_copy_only=False)
    good = sieve.keep(sizes == width, _other(sizes, width, "bytes"))
    fixed = array.filter(pa.array(good)).cast(pa.binary(width))
    return _bytes_of(fixed, width)


def _bytes_of(fixed: pa.Array, width: int) -> Codes:
    """Return the values of a fixed binary column, shape (n, width)."""
    held = fixed.buffers()[1]
    flat = np.frombuffer(held, np.uint8, len(fixed) * width, fixed.offset * width) if len(fixed) else np.empty(0)
    return flat.reshape(len(fixed), width).astype(np.uint8, copy=False)


def _other(sizes: Whole, wanted: int, what: str) -> str | list[str]:
    """Return why each row of another size is set aside."""
    if (sizes == wanted).all():
        return ""
    return [f"{size} {what}, where codes have {wanted}" for size in sizes.tolist()]


def _digits(array: pa.Array, width: int, sieve: _Sieve) -> Codes:
    """Return the bytes that texts of hexadecimal digits say."""
    texts = hexadecimal.Texts(array)
    good = sieve.keep(texts.digits == 2 * width, _other(texts.digits, 2 * width, "hexadecimal digits"))
    packed, are_digits = hexadecimal.decode(texts.chars(np.flatnonzero(good), 2 * width))
    sieve.keep(are_digits, "characters that are no hexadecimal digits")
    return packed[are_digits]


def _matrix(array: pa.Array, width: int, sieve: _Sieve, what: str) -> NDArray[Any]:
    """Return the values of lists of one length, shape (m, width), or of texts of as many digits."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not is_list(array.type):
        texts = hexadecimal.Texts(array)
        good = sieve.keep(texts.digits == width, _other(texts.digits, width, what))
        return texts.chars(np.flatnonzero(good), width).astype(np.int16) - ord("0")
    counts = pc.list_value_length(array).to_numpy(zero_copy_only=False)
    good = sieve.keep(counts == width, _other(counts, width, what))
    values = pc.list_flatten(array if good.all() else array.filter(pa.array(good)))
    whole = np.asarray(values.is_valid()).reshape(-1, width)
    if values.null_count:
        filled = pc.fill_null(values, pa.scalar(0).cast(values.type))
        matrix = filled.to_numpy(zero_copy_only=False).reshape(-1, width)
        return np.asarray(matrix[sieve.keep(whole.all(axis=1), f"null among its {what}")])
    return np.asarray(values.to_numpy(zero_copy_only=False).reshape(-1, width))


def _listed(array: pa.Array, reading: Reading, sieve: _Sieve) -> Codes:
    """Return bytes that are given as lists of numbers."""
    matrix = _matrix(array, reading.bytes(), sieve, "bytes")
    low, high = (-128, 127) if reading.signed else (0, 255)
    if matrix.dtype not in (np.uint8, np.int8) or (matrix.dtype == np.int8) != reading.signed:
        fits = ((matrix >= low) & (matrix <= high)).all(axis=1)
        if matrix.dtype.kind == "f":
            fits &= (matrix == np.floor(matrix)).all(axis=1)
        matrix = matrix[sieve.keep(fits, f"bytes that are not within {low}..{high}")]
    if reading.signed:
        return matrix.astype(np.int8).view(np.uint8) ^ OFFSET  # of two's complement, the highest bit is turned
    return matrix.astype(np.uint8)


def _words(array: pa.Array, reading: Reading, sieve: _Sieve) -> Codes:
    """Return the bits of whole numbers, bit i being bit i; of a list of numbers, the first are the lowest 64."""
    import pyarrow as pa

    width = reading.bytes()
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        array = _numbers(array, sieve)
    words = -(-width // 8)
    if is_list(array.type):
        matrix = _matrix(array, words, sieve, "numbers")
    else:
        matrix = array.to_numpy(zero_copy_only=False).reshape(-1, 1)
    if matrix.dtype.kind not in "iu":
        sieve.keep(np.zeros(len(matrix), bool), f"{array.type}, where whole numbers are codes")
        return np.empty((0, width), np.uint8)
    narrow = matrix.dtype.itemsize < 8
    unsigned = matrix.view(f"u{matrix.dtype.itemsize}") if narrow else np.ascontiguousarray(matrix).view(np.uint64)
    held = np.ascontiguousarray(unsigned.astype("<u8")).view(np.uint8).reshape(len(matrix), -1)
    wide = np.zeros((len(held), max(width, held.shape[1])), np.uint8)
    wide[:, : held.shape[1]] = held
    fits = sieve.keep(~wide[:, width:].any(axis=1), f"a number beyond {reading.code_length} bits")
    return wide[fits, :width]


def _numbers(texts: pa.Array, sieve: _Sieve) -> pa.Array:
    """Return the whole numbers that texts say, uint64; negative ones by two's complement."""
    import pyarrow as pa
    import pyarrow.compute as pc

    good = np.asarray(pc.match_substring_regex(texts, r"^-?[0-9]{1,20}$"))
    held = texts.filter(pa.array(sieve.keep(good, "no whole number")))
    values = [int(text) for text in held.to_pylist()] if pc.any(pc.starts_with(held, "-")).as_py() else None
    if values is None:
        try:
            return held.cast(pa.uint64())
        except pa.ArrowInvalid:
            values = [int(text) for text in held.to_pylist()]
    fits = np.array([-(1 << 63) <= value < 1 << 64 for value in values], bool)
    sieve.keep(fits, "a number beyond 64 bits")
    kept = [value % (1 << 64) for value, fit in zip(values, fits, strict=True) if fit]
    return pa.array(kept, pa.uint64())


def _bits(array: pa.Array, reading: Reading, sieve: _Sieve) -> Decoded:
    """Return codes of lists of bits."""
    matrix = _matrix(array, reading.values(), sieve, "bits")
    if reading.kind == "ternary":
        good = sieve.keep(np.isin(matrix, (-1, 0, 1)).all(axis=1), "values other than -1, 0 and +1")
        return sieve.done(codes.pack_ternary(matrix[good]) if good.any() else _none(reading))
    if matrix.dtype != np.bool_:
        are = ((matrix == 0) | (matrix == 1)).all(axis=1) | ((matrix == -1) | (matrix == 1)).all(axis=1)
        matrix = matrix[sieve.keep(are, "values that are neither all 0 and 1 nor all -1 and +1")]
    return sieve.done(codes.pack(matrix) if len(matrix) else _none(reading))


def _none(reading: Reading) -> Codes:
    """Return the codes of no rows."""
    return np.empty((0, reading.bytes()), np.uint8)


def _in_order(packed: Codes, reading: Reading, sieve: _Sieve) -> Decoded:
    """Return packed codes with bits in our order; of a code the bits beyond its length must be 0."""
    ours = REVERSED[packed] if reading.bit_order == "msb" else packed
    if reading.code_length % 8:
        fits = ours[:, -1] >> (reading.code_length % 8) == 0
        ours = ours[sieve.keep(fits, f"bits beyond the {reading.code_length} of a code")]
    return sieve.done(np.ascontiguousarray(ours))
