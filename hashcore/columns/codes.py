"""A column as codes: a binary value a row, all of the bytes that their bits take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hashcore.codes import Codes, check_codes, code_bytes
from hashcore.errors import InvalidInputError

if TYPE_CHECKING:
    import pyarrow as pa


def codes_from_arrow(column: pa.Array, code_length: int, name: str) -> Codes:
    """Return the codes of a binary column, shape (n, bytes).

    Raises:
        InvalidInputError: If a value is null or has not the bytes that `code_length` bits take.
    """
    import pyarrow as pa

    width = code_bytes(code_length)
    try:
        fixed = column.cast(pa.binary(width))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InvalidInputError(f"{name}: a code is not {width} bytes long, as {code_length} bits take") from None
    if fixed.null_count:
        raise InvalidInputError(f"{name}: {fixed.null_count} codes are null; give every row one")
    flat = np.frombuffer(fixed.buffers()[1], np.uint8, len(fixed) * width, fixed.offset * width)
    return check_codes(flat.reshape(len(fixed), width), code_length, name)


def codes_to_arrow(codes: Codes) -> pa.Array:
    """Return codes of shape (n, bytes) as a binary column."""
    import pyarrow as pa

    buffers = [None, pa.py_buffer(np.ascontiguousarray(codes))]
    return pa.Array.from_buffers(pa.binary(codes.shape[1]), len(codes), buffers).cast(pa.binary())
