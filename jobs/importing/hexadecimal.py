"""Texts of hexadecimal digits as bytes, a batch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

NONE = 255  # what is no digit
DIGITS = np.full(256, NONE, np.uint8)
for text in ("0123456789abcdef", "0123456789ABCDEF"):
    DIGITS[np.frombuffer(text.encode(), np.uint8)] = np.arange(16)
CROSSES = np.frombuffer(b"xX", np.uint8)


class Texts:
    """Texts of a column without nulls, as bytes between offsets; a `0x` that a text begins with is passed over.

    Attributes:
        data: Bytes of all texts.
        starts: First digit of each text.
        digits: How many digits each has, uint64 of shape (n,).
    """

    def __init__(self, column: pa.Array) -> None:
        import pyarrow as pa

        plain = column.cast(pa.large_binary())
        offsets = np.frombuffer(plain.buffers()[1], np.int64, len(plain) + 1, plain.offset * 8)
        held = plain.buffers()[2]
        self.data = np.frombuffer(held, np.uint8) if held is not None and held.size else np.zeros(1, np.uint8)
        self.starts, self.digits = offsets[:-1].copy(), np.diff(offsets)
        if len(self.starts):
            last = len(self.data) - 1
            first, second = (self.data[np.minimum(self.starts + place, last)] for place in (0, 1))
            prefixed = (self.digits >= 2) & (first == ord("0")) & np.isin(second, CROSSES)
            self.starts[prefixed] += 2
            self.digits[prefixed] -= 2

    def chars(self, rows: NDArray[np.int64], count: int) -> NDArray[np.uint8]:
        """Return the characters of some texts of `count` digits each, shape (m, count)."""
        starts = self.starts[rows]
        if len(rows) and (np.diff(starts) == count).all():
            return self.data[starts[0] : starts[0] + len(rows) * count].reshape(len(rows), count)
        gathered: NDArray[np.uint8] = self.data[starts[:, None] + np.arange(count)]
        return gathered


def decode(chars: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the bytes that digits say, and the rows of which each character is a digit.

    Args:
        chars: Shape (m, 2 w).

    Returns:
        Bytes of shape (m, w), the first two digits the first byte; and bool of shape (m,).

    >>> decode(np.frombuffer(b"00fFzz10", np.uint8).reshape(2, 4))
    (array([[  0, 255],
           [255,  16]], dtype=uint8), array([ True, False]))
    """
    values = DIGITS[chars]
    good = np.asarray((values != NONE).all(axis=1))
    return np.asarray((values[:, ::2] << 4) | (values[:, 1::2] & 15), np.uint8), good
