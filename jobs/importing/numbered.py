"""Parts of a corpus whose rows have no ids: they are numbered from 0, in the order of files and rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jobs.corpora.formats.corpus import Corpus, Part
from jobs.corpora.reader import Columns
from jobs.engine.tasks import Engine

if TYPE_CHECKING:
    import pyarrow as pa

NUMBER = "(number of the row)"
"""Name of the column, which no file has."""
ROWS_AT_ONCE = 1 << 16


class NumberedPart(NamedTuple):
    """A part, and the number of its first row."""

    part: Part
    first: int

    @property
    def place(self) -> str:
        """The file or folder that it reads."""
        return self.part.place

    @property
    def folder(self) -> str:
        """The folder where relative paths in it begin."""
        return self.part.folder

    @property
    def inputs(self) -> str:
        """What it reads."""
        return self.part.inputs

    @property
    def size(self) -> int:
        """Bytes that it reads, about."""
        return self.part.size

    def schema(self, columns: Columns) -> pa.Schema:
        """Return the columns of the part, and the number."""
        import pyarrow as pa

        return pa.schema([pa.field(NUMBER, pa.int64()), *self.part.schema(_without(columns))])

    def rows(self) -> int | None:
        """Return how many rows it has, None where only reading tells."""
        return self.part.rows()

    def batches(self, columns: Columns, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Yield its rows with their numbers."""
        import pyarrow as pa

        position = self.first
        for batch in self.part.batches(_without(columns), batch_rows):
            numbers = pa.array(np.arange(position, position + len(batch), dtype=np.int64))
            held = dict(zip(batch.schema.names, batch.columns, strict=True))
            yield pa.RecordBatch.from_pydict({NUMBER: numbers, **held})
            position += len(batch)

    def pieces(self, most_bytes: int) -> Sequence[NumberedPart]:
        """Return smaller parts where these know their rows; else the part itself."""
        pieces = self.part.pieces(most_bytes)
        rows = [piece.rows() for piece in pieces]
        if len(pieces) < 2 or any(count is None for count in rows):
            return [self]
        firsts = accumulate((count or 0 for count in rows), initial=self.first)
        return [NumberedPart(piece, first) for piece, first in zip(pieces, firsts, strict=False)]


def numbered(engine: Engine, corpus: Corpus, columns: Columns, label: str) -> Corpus:
    """Return a corpus with numbers for ids; where a file does not tell its rows, tasks count them.

    Args:
        engine: Who runs them.
        corpus: Without ids.
        columns: What is read of it, with `NUMBER` for the ids.
        label: Name of the stage, for people.
    """
    rows = [part.rows() for part in corpus.parts]
    if any(count is None for count in rows):
        rows = list(engine.map_tasks(partial(_count, _without(columns)), list(corpus.parts), label))
    firsts = accumulate((count or 0 for count in rows), initial=0)
    parts = [NumberedPart(part, first) for part, first in zip(corpus.parts, firsts, strict=False)]
    return corpus._replace(parts=parts)


def _count(columns: Columns, part: Part) -> int | None:
    """Return the rows of a part, by its items."""
    return sum(map(len, part.batches(columns._replace(labels=None), ROWS_AT_ONCE)))


def _without(columns: Columns) -> Columns:
    """Return what is read of the file itself: in the place of the id any column that it has."""
    return columns._replace(id=next(iter(columns.items.values()), columns.labels or columns.id))
