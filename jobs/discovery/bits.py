"""Ready-made codes in a column, guessed from some values: packed bytes, hexadecimal digits, integers, lists of bits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hashcore.codes import MAX_CODE_LENGTH, MIN_CODE_LENGTH
from hashcore.columns.plain import is_list

if TYPE_CHECKING:
    import pyarrow as pa

HEX = re.compile(r"(?:0[xX])?((?:[0-9a-fA-F]{2})+)")
NAMES = re.compile(r"hash|code|u?binary|bits|packed|pdq|simhash")
DIGESTS = re.compile(r"sha\d|md5|digest|checksum|crc|etag|uuid|blake")
LARGE = 2.0**56
"""Size of most whole numbers that are codes of 64 bits."""
ALIKE = 0.7
"""Share of bytes whose two highest bits are equal, beyond which they are small numbers with a sign rather than bits."""


class Codes(NamedTuple):
    """Codes that a column may hold.

    Attributes:
        encoding: Value of `import.encoding` that reads them.
        bits: Of a code.
        told: Their form in words.
    """

    encoding: str
    bits: int
    told: str


def codes_in(name: str, kind: pa.DataType, held: Sequence[Any]) -> Codes | None:
    """Return the codes that a column may hold, None where it looks like none.

    Args:
        name: The column's; that of a digest, such as sha256, holds none.
        kind: Its type, plain.
        held: Some of its values, none null.
    """
    if DIGESTS.search(name.lower()):
        return None
    if is_list(kind):
        found = _in_lists(name, kind, held)
    elif isinstance(held[0], bytes):
        found = _packed(held)
    elif isinstance(held[0], str):
        found = _hexadecimal(held)
    else:
        found = _integers(name, str(kind), held)
    return found if found and MIN_CODE_LENGTH <= found.bits <= MAX_CODE_LENGTH else None


def _packed(held: Sequence[bytes]) -> Codes | None:
    """Return codes in values of as many bytes each."""
    lengths = {len(value) for value in held}
    return Codes("packed", 8 * lengths.pop(), "packed in bytes") if len(lengths) == 1 else None


def _hexadecimal(held: Sequence[str]) -> Codes | None:
    """Return codes in hexadecimal digits; digits of numbers alone are none."""
    found = [HEX.fullmatch(value) for value in held]
    digits = [match.group(1) for match in found if match]
    if len(digits) < len(held) or len({len(each) for each in digits}) > 1:
        return None
    if len(digits[0]) < MIN_CODE_LENGTH or not any(re.search("[a-fA-F]", each) for each in digits):
        return None
    return Codes("hex", 4 * len(digits[0]), "in hexadecimal digits")


def _integers(name: str, kind: str, held: Sequence[Any]) -> Codes | None:
    """Return codes in whole numbers of 64 bits, which a name tells, or their size."""
    if kind not in ("uint64", "int64") or isinstance(held[0], bool):
        return None
    are_large = np.median(np.abs(np.asarray(held, np.float64))) > LARGE
    return Codes("integer", 64, "in whole numbers") if NAMES.search(name.lower()) or are_large else None


def _in_lists(name: str, kind: pa.DataType, held: Sequence[Any]) -> Codes | None:
    """Return codes in lists of as many values each: a bit a value, or packed bytes."""
    lengths = {len(each) for each in held}
    value = str(kind.value_type)
    if len(lengths) != 1 or not min(lengths) or any(each is None for row in held for each in row):
        return None
    if not re.fullmatch("bool|u?int(8|16|32|64)|halffloat|float|double", value):
        return None
    width, values = lengths.pop(), np.asarray(held, np.float64)
    if value in ("uint64", "int64") and np.median(np.abs(values)) > LARGE:
        return Codes("integer", 64 * width, "in whole numbers of 64 bits")
    if width >= MIN_CODE_LENGTH and (np.isin(values, (0, 1)).all() or np.isin(values, (-1, 1)).all()):
        signs = "-1 and 1" if (values < 0).any() else "0 and 1"
        return Codes("bits", width, f"lists of {signs}")
    if value not in ("uint8", "int8") or 8 * width > MAX_CODE_LENGTH:
        return None
    is_named = NAMES.search(name.lower()) is not None
    packed = f"packed in lists of {value}" + (", perhaps each less 128" if value == "int8" else "")
    return Codes("packed", 8 * width, packed) if is_named or _are_bits(values.astype(np.int64)) else None


def _are_bits(values: np.ndarray[Any, Any]) -> bool:
    """Return whether bytes look like bits: their two highest differ about as often as not, as of no small numbers."""
    high, next_ = (values >> 7) & 1, (values >> 6) & 1
    return bool((high == next_).mean() < ALIKE and (high != next_).mean() < ALIKE)
