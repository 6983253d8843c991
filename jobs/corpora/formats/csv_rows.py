"""CSV, a row an item: the numbers of some columns are its features; or one column holds the path of its image.

Ids and labels are numbers where the beginning of a file has nothing else in their column, written as numbers are:
without zeros before them. Else they are texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hashcore.errors import InvalidInputError
from jobs.corpora.formats.corpus import Corpus
from jobs.corpora.formats.text_files import TextFile, text_files
from jobs.corpora.reader import Columns
from jobs.stages.parquet_files import readable

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.csv as pcsv

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
BLOCK_BYTES = 4 << 20
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
SHOWN = 4
UNREADABLE = ("cannot be read as CSV", "write a header, and values of one type in a column")


class CsvPart(NamedTuple):
    """A file.

    Attributes:
        file: The file.
        numeric: Columns that hold numbers at the beginning of the corpus.
    """

    file: TextFile
    numeric: tuple[str, ...]

    @property
    def place(self) -> str:
        """The file."""
        return self.file.path

    @property
    def folder(self) -> str:
        """The folder of the file."""
        return self.place.rpartition("/")[0]

    @property
    def inputs(self) -> str:
        """The file."""
        return self.place

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.file.size

    def schema(self, columns: Columns) -> pa.Schema:
        """Return the columns of the first block, and those of items that are made of several."""
        import pyarrow as pa

        with readable(self.place, *UNREADABLE), _reader(self.file, {}) as read:
            found = read.schema
        kinds = self._kinds(columns)
        fields = [pa.field(field.name, kinds.get(field.name, field.type)) for field in found]
        made = [name for name in columns.items.values() if name not in found.names]
        fields += [pa.field(name, pa.list_(pa.float64(), len(self._vector(columns, found.names)))) for name in made]
        return pa.schema([*fields, *(pa.field(name, pa.scalar(value).type) for name, value in self.file.folders)])

    def rows(self) -> None:
        """Return None: only reading tells."""

    def batches(self, columns: Columns, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows; an item's features are the numbers of several columns."""
        import pyarrow as pa

        folders = dict(self.file.folders)
        with readable(self.place, *UNREADABLE), _reader(self.file, {}) as read:
            names = read.schema.names
        made_of_several = [name for name in columns.items.values() if name not in names]
        vector = self._vector(columns, names) if made_of_several else ()
        held = [name for name in columns.names() if name not in made_of_several and name not in folders]
        kinds = self._kinds(columns) | dict.fromkeys(vector, pa.float64())
        wanted = list(dict.fromkeys([*held, *vector]))
        with readable(self.place, *UNREADABLE), _reader(self.file, kinds, wanted) as read:
            for block in read:
                made = {name: _without_empty(block.column(name)) for name in held}
                made |= self.file.folder_columns(len(block))
                made |= dict.fromkeys(made_of_several, _joined(block, vector)) if vector else {}
                whole = pa.RecordBatch.from_pydict({name: made[name] for name in columns.names()})
                yield from (whole.slice(start, batch_rows) for start in range(0, len(whole), batch_rows))

    def pieces(self, most_bytes: int) -> Sequence[CsvPart]:  # noqa: ARG002
        """Return the file itself: a line may be within a quoted text."""
        return [self]

    def _vector(self, columns: Columns, names: Sequence[str]) -> tuple[str, ...]:
        """Return the columns that make up an item.

        Raises:
            InvalidInputError: If the file lacks one.
        """
        others = {columns.id, columns.labels}
        vector = columns.vector or tuple(name for name in self.numeric if name not in others)
        missing = [name for name in vector if name not in names]
        if missing:
            raise InvalidInputError(
                f"{self.place} has no column {missing[0]} (corpus.columns), of which items are made; it has "
                f"{', '.join(names)}"
            )
        if not vector:
            raise InvalidInputError(
                f"{self.place} has no columns of numbers to make items of; it has {', '.join(names)}: name one by "
                f"{columns.item_key}, or some by corpus.columns"
            )
        return vector

    def _kinds(self, columns: Columns) -> dict[str, pa.DataType]:
        """Return the types of ids and labels, by the first block, and of what is read as texts."""
        import pyarrow as pa

        wanted = [name for name in (columns.id, columns.labels) if name is not None and name not in columns.texts]
        texts = dict.fromkeys(wanted, pa.string())
        with readable(self.place, *UNREADABLE), _reader(self.file, texts) as read:
            first = next(read, None)
        found = {}
        for name in wanted:
            if first is not None and name in first.schema.names:
                values = filter(None, first.column(name).to_pylist())
                found[name] = pa.int64() if all(map(NUMBER.fullmatch, values)) else pa.string()
        return found | dict.fromkeys(columns.texts, pa.string())


def open_corpus(source: str) -> Corpus:
    """Open a file, or a folder of them; errors as of `text_files`."""
    import pyarrow as pa

    found = text_files(source, SUFFIXES, "CSV")
    with readable(found[0].path, *UNREADABLE), _reader(found[0], {}) as read:
        schema = read.schema
    numeric = tuple(
        field.name for field in schema if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
    )
    shown = ", ".join(numeric[:SHOWN]) + (", …" if len(numeric) > SHOWN else "")
    told = f"{len(found):,} file{'s' if len(found) > 1 else ''} of CSV, {len(numeric)} columns of numbers: {shown}"
    return Corpus(source, [CsvPart(file, numeric) for file in found], told)


def _reader(file: TextFile, kinds: dict[str, pa.DataType], names: Sequence[str] = ()) -> pcsv.CSVStreamingReader:
    """Return a reader of blocks of a file."""
    from pyarrow import csv

    is_tabbed = ".tsv" in file.path.lower().rpartition("/")[2]
    return csv.open_csv(
        file.opened(),
        csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
        csv.ParseOptions(delimiter="\t" if is_tabbed else ",", newlines_in_values=True),
        csv.ConvertOptions(column_types=kinds, include_columns=list(names)),
    )


def _without_empty(column: pa.Array) -> pa.Array:
    """Return a column in which an empty text is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_string(column.type):
        return column
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def _joined(block: pa.RecordBatch, names: Sequence[str]) -> pa.Array:
    """Return columns of numbers as one of lists; a missing number is NaN."""
    import pyarrow as pa

    held = [block.column(name).to_numpy(zero_copy_only=False) for name in names]
    values = np.stack(held, axis=1).astype(np.float64, copy=False)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), len(names))
