"""A corpus as its readers see it, whatever its format: parts, which tasks read in batches of bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from hashcore.columns.ids import read_keys
from jobs.corpora import reader
from jobs.corpora.formats import image_paths
from jobs.corpora.reader import Columns, Wanted

if TYPE_CHECKING:
    import pyarrow as pa

OPENED_AT_ONCE = 16
SAMPLED = 8  # parts, and pieces of them, that rows are looked at of

Thing = TypeVar("Thing")


class Part(Protocol):
    """Some rows of a corpus that one task can read: a file, files, or a range of a file. It pickles, and is small."""

    @property
    def place(self) -> str:
        """The file or folder that it reads."""

    @property
    def folder(self) -> str:
        """The folder where relative paths in it begin."""

    @property
    def inputs(self) -> str:
        """What it reads, for the error of a task that fails."""

    @property
    def size(self) -> int:
        """Bytes that it reads, about."""

    def schema(self, columns: Columns) -> pa.Schema:
        """Return the columns that it has, by a look at its beginning or end; two may have one name."""

    def rows(self) -> int | None:
        """Return how many rows it has, None where only reading tells."""

    def batches(self, columns: Columns, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Yield its rows with the columns that are read, as they are there, at most so many at once."""

    def pieces(self, most_bytes: int) -> Sequence[Part]:
        """Return smaller parts of the same rows in the same order, of about so many bytes where it can be divided."""


class Corpus(NamedTuple):
    """A corpus that was opened.

    Attributes:
        source: Its place.
        parts: Of all its rows, in the order of the names of its files; at least one.
        told: What was found there, in words.
    """

    source: str
    parts: Sequence[Part]
    told: str


def checked(corpus: Corpus, columns: Columns) -> Sequence[Part]:
    """Return the parts of a corpus, after a look at the columns of each.

    Raises:
        InvalidInputError: If one lacks a column, has it twice, holds ids or labels that are none, or others than the
            rest.
    """
    parts = corpus.parts
    with ThreadPoolExecutor(OPENED_AT_ONCE) as pool:
        schemas = pool.map(lambda part: part.schema(columns), parts)
        places = [corpus.source if len(parts) == 1 else part.place for part in parts]
        kinds = [reader.check(schema, columns, place) for schema, place in zip(schemas, places, strict=True)]
    reader.check_alike(kinds, places, corpus.source)
    return parts


def has_names(parts: Iterable[Part], columns: Columns) -> bool:
    """Return whether labels are names, by the first of some parts, which `checked` has seen, that can hold any."""
    if columns.labels is None:
        return False
    kinds = (reader.check(part.schema(columns), columns, columns.source)[1] for part in parts)
    return next((kind for kind in kinds if kind is not None), None) == "texts"


def raw_batches(
    columns: Columns, part: Part, batch_rows: int, wanted: Wanted | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a part with the columns that are read, as they are there; of paths to images, the images.

    Args:
        columns: What is read.
        part: Of the corpus.
        batch_rows: Rows at once, at most.
        wanted: Tells of each id whether its row is read; None reads all. Only the wanted paths are followed.
    """
    for batch in part.batches(columns, batch_rows):
        if wanted is not None:
            batch = batch.filter(wanted(read_keys(batch.column(columns.id), columns.id, columns.source)))  # noqa: PLW2901
        yield from image_paths.followed(batch, columns, part.folder)


def batches(
    columns: Columns, parts: Iterable[Part], batch_rows: int, wanted: Wanted | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of some parts as `reader.canonical` has them: id, the items, labels; as of `raw_batches`."""
    for part in parts:
        for batch in raw_batches(columns, part, batch_rows, wanted):
            yield reader.canonical(batch, columns)


def count_rows(corpus: Corpus, columns: Columns) -> int:
    """Return the rows of a corpus; where only reading tells, its ids are read."""
    only_ids = columns._replace(items={}, labels=None)

    def rows(part: Part) -> int:
        known = part.rows()
        return sum(map(len, part.batches(only_ids, 1 << 16))) if known is None else known

    with ThreadPoolExecutor(OPENED_AT_ONCE) as pool:
        return sum(pool.map(rows, corpus.parts))


def sample(columns: Columns, parts: Sequence[Part], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield some rows from all parts of a corpus, as they are there: the first of pieces far apart."""
    pieces = [piece for part in spread(parts, SAMPLED) for piece in part.pieces(max(1, part.size // SAMPLED))]
    each = -(-rows // min(len(pieces), SAMPLED))
    for piece in spread(pieces, SAMPLED):
        yield from islice(raw_batches(columns, piece, each), 1)


def spread(things: Sequence[Thing], most: int) -> list[Thing]:
    """Return at most so many of some things, far apart."""
    count = min(len(things), most)
    return [things[number * len(things) // count] for number in range(count)]
