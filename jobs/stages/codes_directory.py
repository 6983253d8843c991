"""A codes directory: Parquet files under `data/` (id, code, labels), and `codes.json`, which says what they hold."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from pydantic import Field, ValidationError

from hashcore.codes import Codes, Kind, code_bytes
from hashcore.columns.codes import codes_from_arrow
from hashcore.columns.ids import Ids, as_ids, read_keys, refuse_nulls
from hashcore.columns.labels import read_labels
from hashcore.errors import InvalidInputError
from hashcore.labels import Labels
from hashcore.spec import Spec
from hashcore.storage import files
from jobs.stages.parquet_files import checksums, readable

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

INFO = "codes.json"
DATA = "data"
REMEDY = "remove this codes directory and run `hashcore encode`"


class CodesInfo(Spec):
    """Contents of `codes.json`."""

    code_length: int = Field(ge=1)
    """Bits of a code."""
    kind: Kind
    """dense, sparse or ternary."""
    hasher_fingerprint: str
    """The hasher that made the codes."""
    modality: str
    """The hasher's modality that read the items."""
    rows: int = Field(ge=0)
    """Codes in all files."""
    keys: Literal["string", "binary"] | None = None
    """Type of the ids where the corpus gave keys; none where they are whole numbers."""
    vocabulary: tuple[str, ...] | None = None
    """Names of the labels, label i being called vocabulary[i]; none where labels are numbers."""
    bit_order: Literal["lsb", "msb"] | None = None
    """How imported codes had packed their bits, for those who compare scores; none where a hasher made them."""


class CodeRows(NamedTuple):
    """Rows of a codes directory: codes (n, bytes) uint8, and labels where it has them.

    Ids are int64, shape (n,), or keys: an Arrow array of large_string or large_binary.
    """

    ids: Ids
    codes: Codes
    labels: Labels | None


class Piece(NamedTuple):
    """Rows start:stop of one Parquet file."""

    path: str
    start: int
    stop: int

    def __str__(self) -> str:
        return f"{self.path} rows {self.start}:{self.stop}"


Chunk = tuple[Piece, ...]


def read_info(path: str, corpus: str = "") -> CodesInfo:
    """Return what the codes of a directory are.

    Args:
        path: The codes directory.
        corpus: Key of the configuration that names what it is encoded from, for the message.

    Raises:
        InvalidInputError: If `codes.json` is missing or says something else than it must.
    """
    name = files.join(path, INFO)
    content = files.read_bytes(name)
    if content is None:
        of = f", with a corpus at {corpus}" if corpus else ""
        raise InvalidInputError(f"{name} is missing; run `hashcore encode` first{of}")
    try:
        return CodesInfo.model_validate_json(content)
    except ValidationError as error:
        raise InvalidInputError(f"{name} is damaged ({error.errors()[0]['msg']}); {REMEDY}") from None


def write_info(path: str, info: CodesInfo) -> None:
    """Write `codes.json` into a directory."""
    files.write_bytes(files.join(path, INFO), (info.model_dump_json(indent=2, exclude_none=True) + "\n").encode())


def plan(path: str, rows_per_chunk: int) -> list[Chunk]:
    """Divide the rows of a codes directory, by the footers of its files, into chunks of nearly equal size.

    Args:
        path: The codes directory.
        rows_per_chunk: No chunk is larger.

    Returns:
        Chunks in the order of files and rows; together they hold every row once.
    """
    names = (name for name in files.listing(files.join(path, DATA)) if name.endswith(".parquet"))
    footers = [(name, _footer(name)) for name in names]
    _check_alike(footers)
    parts = [(name, int(footer.num_rows)) for name, footer in footers]
    total = sum(rows for _, rows in parts)
    if not total:
        raise InvalidInputError(f"{path} holds no codes; run `hashcore encode` on a corpus that is not empty")
    if total != read_info(path).rows:
        raise InvalidInputError(f"{path} holds {total} codes but its {INFO} says {read_info(path).rows}; {REMEDY}")
    chunks = -(-total // rows_per_chunk)
    bounds = [total * number // chunks for number in range(chunks + 1)]
    return [tuple(pieces(parts, start, stop)) for start, stop in itertools.pairwise(bounds)]


def _check_alike(footers: Sequence[tuple[str, pq.FileMetaData]]) -> None:
    """Raise InvalidInputError if some files have labels and others have not, or ids of another type."""
    labelled: dict[bool, str] = {}
    kinds: dict[str, str] = {}
    for name, footer in footers:
        schema = footer.schema.to_arrow_schema()
        labelled.setdefault("labels" in schema.names, name)
        if "id" in schema.names and footer.num_rows:
            kinds.setdefault(_kind(schema.field("id").type), name)
    if len(labelled) > 1:
        raise InvalidInputError(
            f"{labelled[False]} lacks the column labels, which {labelled[True]} has; encode all of them again"
        )
    if len(kinds) > 1:
        said = " and ".join(f"{kind} in {name}" for kind, name in sorted(kinds.items()))
        raise InvalidInputError(f"ids are {said}; encode all of them again, with ids of one type")


def _kind(of: pa.DataType) -> str:
    """Return the type of ids as keys have it, whatever the width of numbers or offsets."""
    import pyarrow as pa

    return "int64" if pa.types.is_integer(of) else str(of).removeprefix("large_")


def chunk_rows(chunk: Chunk) -> int:
    """Return how many rows a chunk has."""
    return sum(piece.stop - piece.start for piece in chunk)


def labels_of(chunk: Chunk) -> int:
    """Return how many labels the rows of a chunk have, about, from the footer of its first file."""
    footer = _footer(chunk[0].path)
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    values = sum(column.num_values for column in columns if column.path_in_schema.startswith("labels."))
    return int(values * chunk_rows(chunk) // max(footer.num_rows, 1))


def key_bytes(chunk: Chunk) -> int:
    """Return the bytes of the keys of a chunk, about, from the footer of its first file; 0 where ids are numbers."""
    footer = _footer(chunk[0].path)
    if _kind(footer.schema.to_arrow_schema().field("id").type) == "int64":
        return 0
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    held = sum(column.total_uncompressed_size for column in columns if column.path_in_schema == "id")
    return int(held * chunk_rows(chunk) // max(footer.num_rows, 1))


def rows_of(file: str) -> int:
    """Return the rows of a Parquet file, from its footer."""
    return int(_footer(file).num_rows)


def _footer(file: str) -> pq.FileMetaData:
    """Return what the footer of a Parquet file tells."""
    import pyarrow.parquet as pq

    with _whole(file):
        system, inner = files.located(file)
        return pq.read_metadata(inner, filesystem=system)


def _whole(file: str) -> AbstractContextManager[None]:
    """Say in one line what Arrow cannot read of a file of codes."""
    return readable(file, "is no Parquet file, or damaged", REMEDY)


def pieces(parts: Sequence[tuple[str, int]], start: int, stop: int) -> Iterator[Piece]:
    """Cut rows start:stop of all files together into pieces of single files."""
    first = 0
    for file, rows in parts:
        piece = Piece(file, max(start - first, 0), min(stop - first, rows))
        if piece.start < piece.stop:
            yield piece
        first += rows


def read(path: str) -> CodeRows:
    """Return all rows of a codes directory, in the order of its files; for sets that fit in memory."""
    info = read_info(path)
    (chunk,) = plan(path, rows_per_chunk=max(info.rows, 1))
    return read_chunk(chunk, info.code_length)


def read_chunk(chunk: Chunk, code_length: int) -> CodeRows:
    """Return the rows of a chunk, in its order.

    Raises:
        InvalidInputError: If a file lacks a column, holds nulls, or holds codes of another length.
    """
    rows = chunk_rows(chunk)
    ids = np.empty(rows, np.int64)
    keys: list[pa.Array] = []
    codes = np.empty((rows, code_bytes(code_length)), np.uint8)
    labels: list[Labels] = []
    filled = 0
    for piece in chunk:
        for batch in _batches(piece):
            part = slice(filled, filled + len(batch))
            if isinstance(found := _ids(batch, piece.path), np.ndarray):
                ids[part] = found
            else:
                keys.append(found)
            codes[part] = codes_from_arrow(batch.column("code"), code_length, piece.path)
            if "labels" in batch.schema.names:
                column = read_labels(batch.column("labels"), "labels", piece.path, "numbers")
                labels.append(Labels.from_arrow(column))
            filled = part.stop
    return CodeRows(
        _joined(keys) if keys else ids, codes, Labels.concatenate(labels) if sum(map(len, labels)) == rows else None
    )


def id_batches(piece: Piece) -> Iterator[Ids]:
    """Yield the ids of a piece, a row group at a time."""
    for batch in _batches(piece, ("id",)):
        yield _ids(batch, piece.path)


def _batches(piece: Piece, wanted: Sequence[str] = ("id", "code", "labels")) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a piece, one row group at a time."""
    import pyarrow.parquet as pq

    system, inner = files.located(piece.path)
    with _whole(piece.path):
        file = pq.ParquetFile(inner, filesystem=system, **checksums("page_checksum_verification"))
    with file:
        missing = {"id", "code"} - set(file.schema_arrow.names)
        if missing:
            raise InvalidInputError(f"{piece.path} lacks column {', '.join(sorted(missing))}; it is no codes file")
        columns = [name for name in wanted if name in file.schema_arrow.names]
        first = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            start, stop = max(piece.start - first, 0), min(piece.stop - first, rows)
            if start < stop:
                with _whole(piece.path):
                    table = file.read_row_group(group, columns)
                yield from table.slice(start, stop - start).to_batches()
            first += rows


def _ids(batch: pa.RecordBatch, path: str) -> Ids:
    """Return the ids of a batch."""
    column = read_keys(batch.column("id"), "id", path)
    refuse_nulls(column.null_count, "id", path)
    return as_ids(column)


def _joined(keys: Sequence[pa.Array]) -> pa.Array:
    """Return the keys of all batches."""
    import pyarrow as pa

    return pa.concat_arrays(keys)
