"""NumPy files: a matrix, or a folder of matrices, a row an item; with or without Parquet of what belongs to the rows.

Files are read in ranges, never whole, and no pickle is loaded. The layouts are those that tools write: matrices in one
folder, perhaps each beside a Parquet file of its name; or matrices in folders, such as `img_emb`, and Parquet in
another, `metadata`, which are matched by the order of their numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hashcore.errors import InvalidInputError
from hashcore.storage import files
from hashcore.storage.listing import below
from hashcore.storage.matrices import TYPES, Matrix, header
from jobs.corpora.formats.corpus import OPENED_AT_ONCE, Corpus
from jobs.corpora.reader import Columns
from jobs.stages.parquet_files import checksums, readable

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

SUFFIXES = (".npy",)
PARQUET = (".parquet", ".parq", ".pq")
ITEMS = "features"
"""Column of the items where they lie in one folder; where they lie in several, each is called as its folder."""
READ_BYTES = 64 << 20  # of a matrix at once


class NpyPart(NamedTuple):
    """Rows of a matrix, of those beside it, and of its metadata.

    Attributes:
        source: The corpus, for messages.
        matrices: Each of equally many rows, by its column.
        metadata: Parquet file of the rows, and which of its rows is the first of the matrix; none where there is none.
        first: Number of the matrix's first row in the corpus.
        start: First row of the matrix that is read.
        stop: Row after the last.
    """

    source: str
    matrices: tuple[tuple[str, Matrix], ...]
    metadata: tuple[str, int] | None
    first: int
    start: int
    stop: int

    @property
    def place(self) -> str:
        """The file of the first matrix."""
        return self.matrices[0][1].path

    @property
    def folder(self) -> str:
        """The folder of the metadata, or of the matrix."""
        return (self.metadata[0] if self.metadata else self.place).rpartition("/")[0]

    @property
    def inputs(self) -> str:
        """The file, and its rows."""
        return f"{self.place} rows {self.start}:{self.stop}"

    @property
    def size(self) -> int:
        """Bytes of the rows."""
        return (self.stop - self.start) * self._row_bytes()

    def schema(self, columns: Columns) -> pa.Schema:  # noqa: ARG002
        """Return the columns of the matrices, and of the metadata, or else the number of the row as id."""
        import pyarrow as pa

        items = [pa.field(name, matrix.kind()) for name, matrix in self.matrices]
        if self.metadata is None:
            return pa.schema([pa.field("id", pa.int64()), *items])
        with _opened(self.metadata[0]) as file:
            return pa.schema([*file.schema_arrow, *items])

    def rows(self) -> int:
        """Return how many rows are read."""
        return self.stop - self.start

    def batches(self, columns: Columns, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows; of the matrices, only the ranges of a batch are in memory."""
        import pyarrow as pa

        matrices = {name: matrix for name, matrix in self.matrices if name in columns.names()}
        row_bytes = max((matrix.row_bytes() for matrix in matrices.values()), default=1)
        position = self.start
        for beside in self._beside(columns, min(batch_rows, max(1, READ_BYTES // row_bytes))):
            stop = position + len(beside)
            made = {name: matrix.read(position, stop) for name, matrix in matrices.items()}
            made |= {name: beside.column(name) for name in beside.schema.names}
            yield pa.RecordBatch.from_pydict({name: made[name] for name in columns.names()})
            position = stop

    def pieces(self, most_bytes: int) -> Sequence[NpyPart]:
        """Return ranges of rows."""
        rows = max(1, most_bytes // self._row_bytes())
        starts = range(self.start, self.stop, rows)
        return [self._replace(start=start, stop=min(start + rows, self.stop)) for start in starts] or [self]

    def _row_bytes(self) -> int:
        """Return the bytes of a row of all matrices."""
        return max(1, sum(matrix.row_bytes() for _, matrix in self.matrices))

    def _beside(self, columns: Columns, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Yield what belongs to the rows: columns of the metadata, or their numbers as ids."""
        import pyarrow as pa

        if self.metadata is None:
            for start in range(self.first + self.start, self.first + self.stop, batch_rows):
                numbers = np.arange(start, min(start + batch_rows, self.first + self.stop), dtype=np.int64)
                yield pa.RecordBatch.from_pydict({"id": pa.array(numbers)})
            return
        path, first = self.metadata
        names = [name for name in columns.names() if name not in dict(self.matrices)]
        yield from _metadata_rows(path, names, first + self.start, first + self.stop, batch_rows)


def open_corpus(source: str, types: Sequence[str] = TYPES) -> Corpus:
    """Open a matrix, or a folder of matrices.

    Args:
        source: Its place.
        types: NumPy's names of the types of numbers that are read; a vector of whole ones is a matrix of one column.

    Raises:
        InvalidInputError: If it holds no matrix of numbers as they are read here, or files whose rows differ.
        StorageError: If the storage refuses.
    """
    found = [path for path, _ in below(source)]
    arrays = sorted((path for path in found if (path or source).lower().endswith(SUFFIXES)), key=_in_order)
    if not arrays:
        raise InvalidInputError(f"{source} holds no .npy file; correct the path, or say corpus.format")
    with ThreadPoolExecutor(OPENED_AT_ONCE) as pool:
        headers = list(pool.map(lambda path: header(files.join(source, path) if path else source, types), arrays))
    by_folder: dict[str, list[Matrix]] = {}
    for path, matrix in zip(arrays, headers, strict=True):
        by_folder.setdefault(path.rpartition("/")[0], []).append(matrix)
    several = len(by_folder) > 1
    columns = [((several and folder.rpartition("/")[2]) or ITEMS, held) for folder, held in by_folder.items()]
    _check_columns(columns, source)
    tables = sorted((path for path in found if path.lower().endswith(PARQUET)), key=_in_order)
    beside = _matched(columns[0][1], [files.join(source, path) for path in tables], source)
    firsts = accumulate((matrix.rows for matrix in columns[0][1]), initial=0)
    parts = [
        NpyPart(source, tuple((name, held[number]) for name, held in columns), metadata, first, 0, matrix.rows)
        for number, (matrix, metadata, first) in enumerate(zip(columns[0][1], beside, firsts, strict=False))
    ]
    told = ", ".join(f"{name} of {held[0].dimensions} {held[0].dtype}" for name, held in columns)
    rows = sum(matrix.rows for matrix in columns[0][1])
    metadata = f", {len(tables):,} Parquet files of metadata" if tables else ", ids are the numbers of rows"
    return Corpus(source, parts, f"{len(arrays):,} NumPy files of {rows:,} rows: {told}{metadata}")


def _check_columns(columns: Sequence[tuple[str, Sequence[Matrix]]], source: str) -> None:
    """Raise InvalidInputError unless each column has one kind of rows, and all columns equally many."""
    names = [name for name, _ in columns]
    if len(set(names)) < len(names):
        raise InvalidInputError(f"{source} has two folders of one name, {names}; rename one, as columns are called so")
    for _, held in columns:
        for matrix in held:
            if matrix.dimensions != held[0].dimensions:
                raise InvalidInputError(
                    f"{matrix.path} has {matrix.dimensions} columns but {held[0].path} has {held[0].dimensions}; put "
                    "matrices of different widths into folders of their own"
                )
    first = columns[0][1]
    for _, held in columns[1:]:
        if len(held) != len(first):
            raise InvalidInputError(
                f"{source} has {len(first)} NumPy files beside {first[0].path} but {len(held)} beside {held[0].path}; "
                "give each as many"
            )
        for one, other in zip(first, held, strict=True):
            _check_rows(one.path, one.rows, other.path, other.rows)


def _check_rows(one: str, rows: int, other: str, others: int) -> None:
    """Raise InvalidInputError unless two files have equally many rows."""
    if rows != others:
        raise InvalidInputError(
            f"{one} has {rows:,} rows but {other} has {others:,}; write them anew, row by row alike"
        )


def _matched(matrices: Sequence[Matrix], tables: Sequence[str], source: str) -> list[tuple[str, int] | None]:
    """Return the metadata of each matrix, and which of its rows is the matrix's first."""
    if not tables:
        return [None] * len(matrices)
    with ThreadPoolExecutor(OPENED_AT_ONCE) as pool:
        counts = list(pool.map(_count, tables))
    if len(tables) == 1:
        total = sum(matrix.rows for matrix in matrices)
        _check_rows(
            matrices[0].path if len(matrices) == 1 else f"{source}, its .npy files,", total, tables[0], counts[0]
        )
        firsts = accumulate((matrix.rows for matrix in matrices), initial=0)
        return [(tables[0], first) for first, _ in zip(firsts, matrices, strict=False)]
    if len(tables) != len(matrices):
        raise InvalidInputError(
            f"{source} has {len(matrices):,} NumPy files but {len(tables):,} Parquet files of metadata; give one for "
            "each, or one for all"
        )
    for matrix, path, count in zip(matrices, tables, counts, strict=True):
        _check_rows(matrix.path, matrix.rows, path, count)
    return [(path, 0) for path in tables]


def _in_order(path: str) -> list[tuple[str, int, str]]:
    """Return what puts names in order, numbers in them by their values: x_2 before x_10.

    >>> sorted(["x_10", "x_2", "a/x_3"], key=_in_order)
    ['a/x_3', 'x_2', 'x_10']
    """
    pieces = re.findall(r"(\D*)(\d*)", path)
    return [(text, int(digits or -1), digits) for text, digits in pieces]


def _opened(path: str) -> pq.ParquetFile:
    """Open a file of metadata."""
    import pyarrow.parquet as pq

    system, inner = files.located(path)
    with readable(path):
        return pq.ParquetFile(system.open_input_file(inner), **checksums("page_checksum_verification"))


def _count(path: str) -> int:
    """Return the rows of a file of metadata."""
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def _metadata_rows(path: str, names: list[str], start: int, stop: int, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Yield rows start:stop of a file of metadata; row groups before and after are not read."""
    with _opened(path) as file:
        sizes = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
        firsts = list(accumulate(sizes, initial=0))
        groups = [number for number in range(len(sizes)) if firsts[number] < stop and firsts[number + 1] > start]
        position = firsts[groups[0]] if groups else stop
        batches = file.iter_batches(batch_rows, row_groups=groups, columns=names)
        while position < stop:
            with readable(path):
                batch = next(batches)
            first = max(0, start - position)
            chosen = batch.slice(first, max(0, min(len(batch), stop - position) - first))
            position += len(batch)
            if len(chosen):
                yield chosen
