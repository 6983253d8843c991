"""JSON lines, an object a row: read by Arrow in blocks, each by the types that it holds itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from hashcore.columns.plain import is_empty
from hashcore.errors import InvalidInputError
from jobs.corpora.formats.corpus import Corpus
from jobs.corpora.formats.text_files import TextFile, text_files
from jobs.corpora.reader import Columns
from jobs.stages.parquet_files import readable

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")
BLOCK_BYTES = 4 << 20
MOST_BYTES = 256 << 20  # of a line
UNREADABLE = ("cannot be read as JSON lines", "write one object a line, with values of one type in a column")


class JsonPart(NamedTuple):
    """Lines of a file that begin in a range of its bytes; all lines of a gzipped one.

    Attributes:
        file: The file.
        start: First byte of the range.
        stop: Byte after the last.
    """

    file: TextFile
    start: int
    stop: int

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
        """The file, and its bytes."""
        return f"{self.place} bytes {self.start}:{self.stop}"

    @property
    def size(self) -> int:
        """Bytes of the range."""
        return self.stop - self.start

    def schema(self, columns: Columns) -> pa.Schema:  # noqa: ARG002
        """Return the columns of the first block."""
        import pyarrow as pa

        first = next(self._tables(), None)
        folders = [pa.field(name, column.type) for name, column in self.file.folder_columns(1).items()]
        return pa.schema([*(first.schema if first is not None else ()), *folders])

    def rows(self) -> None:
        """Return None: only reading tells."""

    def batches(self, columns: Columns, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows; a field that no line of a block has is null there."""
        import pyarrow as pa

        for table in self._tables():
            held = {name: table.column(name) for name in table.schema.names}
            held |= self.file.folder_columns(len(table))
            made = {name: held[name] if name in held else pa.nulls(len(table)) for name in columns.names()}
            for name in columns.items.values():
                made[name] = self._filled(made[name], name, columns)
            yield from pa.table(made).combine_chunks().to_batches(max_chunksize=batch_rows)

    def pieces(self, most_bytes: int) -> Sequence[JsonPart]:
        """Return ranges of bytes."""
        if self.file.is_gzipped():
            return [self]
        starts = range(self.start, self.stop, max(1, most_bytes))
        return [self._replace(start=start, stop=min(start + most_bytes, self.stop)) for start in starts] or [self]

    def _filled(self, column: pa.Array, name: str, columns: Columns) -> pa.Array:
        """Return a column of items without a value in a block by the type that it has in the file's first one."""
        import pyarrow as pa

        if not is_empty(column.type):
            return column
        schema = self._replace(start=0).schema(columns)
        kind = schema.field(name).type if name in schema.names else pa.null()
        return column.cast(pa.list_(pa.float32()) if is_empty(kind) else kind)

    def _tables(self) -> Iterator[pa.Table]:
        """Yield the lines as tables."""
        with readable(self.place, *UNREADABLE):
            for block in self._blocks():
                if block.strip():
                    yield _table(block)

    def _blocks(self) -> Iterator[bytes]:
        """Yield whole lines, some at a time."""
        place, rest, stop = max(0, self.start - 1), b"", None if self.file.is_gzipped() else self.stop
        is_within = self.start > 0  # a line that began before
        with self.file.opened() as stream:
            if place:
                stream.seek(place)
            while stop is None or place < stop:
                piece = stream.read(BLOCK_BYTES)
                held = rest + piece
                end = held.rfind(b"\n") + 1 if piece else len(held)
                block, rest = held[:end], held[end:]
                if is_within and block:
                    before = block.find(b"\n") + 1 or len(block)
                    block, place, is_within = block[before:], place + before, False
                if stop is not None and place + len(block) > stop:
                    block = block[: (block.find(b"\n", stop - place - 1) + 1 or len(block)) if place < stop else 0]
                    rest, piece = b"", b""
                place += len(block)
                if block:
                    yield block
                if not piece:
                    return
                if len(rest) > MOST_BYTES:
                    raise InvalidInputError(f"{self.place} has a line of over {MOST_BYTES:,} bytes; {UNREADABLE[1]}")


def open_corpus(source: str) -> Corpus:
    """Open a file, or a folder of them; errors as of `text_files`."""
    found = text_files(source, SUFFIXES, "JSON lines")
    told = f"{len(found):,} file{'s' if len(found) > 1 else ''} of JSON lines"
    return Corpus(source, [JsonPart(file, 0, file.size) for file in found], told)


def _table(block: bytes) -> pa.Table:
    """Return whole lines as a table; what looks like a time stays text."""
    import pyarrow as pa
    from pyarrow import json

    def read(texts: Sequence[str]) -> pa.Table:
        schema = pa.schema([pa.field(name, pa.string()) for name in texts])
        options = json.ReadOptions(use_threads=False, block_size=len(block) + 1)
        return json.read_json(pa.BufferReader(block), options, json.ParseOptions(explicit_schema=schema))

    table = read(())
    times = [field.name for field in table.schema if pa.types.is_temporal(field.type)]
    return read(times) if times else table
