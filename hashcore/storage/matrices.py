"""Matrices in NumPy's files: told by their headers, and read in ranges of rows; no pickle is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hashcore.errors import HashcoreError, InvalidInputError, one_line
from hashcore.storage import files

if TYPE_CHECKING:
    import pyarrow as pa

TYPES = ("float16", "float32", "float64", "int8", "uint8")


class Matrix(NamedTuple):
    """A file of a matrix, by its header.

    Attributes:
        path: The file.
        dtype: NumPy's name of its type.
        rows: Its first dimension.
        dimensions: Its second.
        start: Bytes of the header.
    """

    path: str
    dtype: str
    rows: int
    dimensions: int
    start: int

    def row_bytes(self) -> int:
        """Return the bytes of a row."""
        return self.dimensions * np.dtype(self.dtype).itemsize

    def kind(self) -> pa.DataType:
        """Return the type of its rows as a column."""
        import pyarrow as pa

        return pa.list_(pa.from_numpy_dtype(np.dtype(self.dtype)), self.dimensions)

    def read(self, start: int, stop: int) -> pa.FixedSizeListArray:
        """Return rows start:stop as a column of lists, without a copy of what was read.

        Raises:
            InvalidInputError: If the file has become shorter.
            StorageError: If the storage refuses.
        """
        import pyarrow as pa

        system, inner = files.located(self.path)
        wanted = (stop - start) * self.row_bytes()
        try:
            with system.open_input_file(inner) as file:
                file.seek(self.start + start * self.row_bytes())
                content = file.read_buffer(wanted)
        except OSError as error:
            if isinstance(error, HashcoreError):
                raise
            raise InvalidInputError(f"{self.path} cannot be read ({one_line(error)}); run again") from None
        if content.size != wanted:
            raise InvalidInputError(f"{self.path} has become shorter while it was read; run again")
        return pa.FixedSizeListArray.from_arrays(pa.array(np.frombuffer(content, self.dtype)), self.dimensions)


def header(path: str, types: Sequence[str] = TYPES) -> Matrix:
    """Return a matrix, of shape (rows, columns), by the header of its file.

    Args:
        path: The file.
        types: NumPy's names of the types of numbers that are read; where wider whole ones are, a vector of them is a
            matrix of one column.

    Raises:
        InvalidInputError: If it is no NumPy file, is cut short, or holds what is not read here.
    """
    system, inner = files.located(path)
    try:
        with system.open_input_file(inner) as file:
            version = np.lib.format.read_magic(file)
            read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            if version not in read:
                raise ValueError(f"version {version[0]}.{version[1]} is of named fields")
            shape, by_columns, dtype = read[version](file)
            start, size = file.tell(), file.size()
    except (ValueError, OSError, EOFError) as error:
        if isinstance(error, HashcoreError):
            raise
        raise InvalidInputError(f"{path} is no NumPy file, or damaged ({one_line(error)}); save it again") from None
    if len(shape) == 1 and dtype.kind in "iu" and dtype.name in types and dtype.name not in TYPES:
        shape = (*shape, 1)
    _check_kind(path, shape, by_columns, dtype, types)
    matrix = Matrix(path, dtype.name, shape[0], shape[1], start)
    wanted = start + matrix.rows * matrix.row_bytes()
    if size != wanted:
        raise InvalidInputError(
            f"{path} has {size:,} bytes where its header, {matrix.rows:,} rows of {matrix.dimensions} {matrix.dtype}, "
            f"says {wanted:,}; copy or save it again"
        )
    return matrix


def _check_kind(
    path: str, shape: tuple[int, ...], by_columns: bool, dtype: np.dtype[np.generic], types: Sequence[str]
) -> None:
    """Raise InvalidInputError if an array is no matrix of numbers in the order of rows."""
    wrong = ""
    if dtype.hasobject:
        wrong = "holds Python objects, which are not loaded"
    elif dtype.name not in types:
        wrong = f"holds {dtype}"
    elif not dtype.isnative:
        wrong = "is big-endian"
    elif len(shape) != 2 or not shape[1]:
        wrong = f"has shape {shape}"
    elif by_columns and min(shape) > 1:
        wrong = "is in Fortran order"
    if wrong:
        raise InvalidInputError(
            f"{path} {wrong}; save a matrix of {', '.join(types)}, a row an item, as by np.save(path, "
            f"np.ascontiguousarray(matrix, np.{'float32' if types == TYPES else 'uint8'}))"
        )
