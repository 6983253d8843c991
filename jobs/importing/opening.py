"""Ready-made codes as a corpus: their format, and the columns of codes, ids and labels."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from hashcore.errors import InvalidInputError
from hashcore.storage import files
from hashcore.storage.listing import below
from hashcore.storage.matrices import Matrix
from jobs.config.sections.importing import CodesFormat, ImportConfig
from jobs.corpora.formats import by_name, npy
from jobs.corpora.formats.corpus import Corpus, Part, spread
from jobs.corpora.formats.npy import NpyPart
from jobs.corpora.reader import Columns, check_names
from jobs.importing.numbered import NUMBER
from jobs.importing.reading import Sample, likeness, look
from jobs.stages.parquet_files import readable

if TYPE_CHECKING:
    import pyarrow as pa

B1BIN = ".b1bin"
HEADER = struct.Struct("<II")  # rows, and bits or bytes of a row
NPY_TYPES = ("uint8", "int8", "bool", "uint64", "int64", "int16", "int32", "float16", "float32", "float64")
FILES = {"parquet": "Parquet", "csv": "CSV", "json": "JSON"}
SAMPLED_PARTS, SAMPLED_ROWS = 8, 256


class Opened(NamedTuple):
    """Codes that were opened.

    Attributes:
        corpus: Their parts.
        bits: Of a code, where the format says it.
    """

    corpus: Corpus
    bits: int | None = None


def open_codes(source: str, name: CodesFormat) -> Opened:
    """Open files of codes.

    Args:
        source: A file, or a folder of them.
        name: Their format; `auto` is told by their names.

    Raises:
        InvalidInputError: If there are none, they cannot be read, or their format is none of codes.
        StorageError: If the storage refuses.
    """
    if name == "b1bin" or (name == "auto" and any((path or source).endswith(B1BIN) for path, _ in below(source))):
        return _open_b1bin(source)
    held = by_name.found(source) if name == "auto" else name
    if held == "npy":
        return Opened(npy.open_corpus(source, NPY_TYPES))
    if held not in FILES:
        raise InvalidInputError(
            f"{source} holds {held}, no format of codes; say import.format, or correct import.codes"
        )
    corpus = by_name.open_corpus(source, held)
    count = len(corpus.parts)
    return Opened(corpus._replace(told=f"{count:,} {FILES[held]} file{'s' if count > 1 else ''}"))


def _open_b1bin(source: str) -> Opened:
    """Open files of two little-endian uint32, the rows and the bits (or bytes) of a row, and of the rows."""
    found = [(files.join(source, path) if path else source, size) for path, size in below(source)]
    headers = [_header(path, size) for path, size in found if path.endswith(B1BIN) or path == source]
    if not headers:
        raise InvalidInputError(f"{source} holds no {B1BIN} file; correct the path, or say import.format")
    matrices, bits = [matrix for matrix, _ in headers], headers[0][1]
    for matrix, other in headers:
        if other != bits:
            raise InvalidInputError(f"{matrix.path} has codes of {other} bits but {matrices[0].path} of {bits}")
    firsts = accumulate((matrix.rows for matrix in matrices), initial=0)
    parts = [
        NpyPart(source, (("codes", matrix),), None, first, 0, matrix.rows)
        for matrix, first in zip(matrices, firsts, strict=False)
    ]
    rows = sum(matrix.rows for matrix in matrices)
    return Opened(Corpus(source, parts, f"{rows:,} codes of {bits} bits in {len(parts):,} {B1BIN} files"), bits)


def _header(path: str, size: int) -> tuple[Matrix, int]:
    """Return the codes of a file, and their bits: its size tells whether its header says bits or bytes."""
    system, inner = files.located(path)
    with readable(path, "cannot be read"), system.open_input_file(inner) as file:
        begins = file.read(HEADER.size)
    rows, width = HEADER.unpack(begins) if len(begins) == HEADER.size else (0, 0)
    for row_bytes, bits in ((-(-width // 8), width), (width, 8 * width)):
        if rows and width and size == HEADER.size + rows * row_bytes:
            return Matrix(path, "uint8", rows, row_bytes, HEADER.size), bits
    raise InvalidInputError(
        f"{path} has {size:,} bytes where its header says {rows:,} rows of {width:,} bits or bytes; copy it again"
    )


def columns_of(config: ImportConfig, opened: Opened, source: str) -> Columns:
    """Return which columns are read: of codes the one that is named, or else the only one that may hold them.

    Raises:
        InvalidInputError: If no column may hold codes, or several may.
    """
    first = opened.corpus.parts[0]
    whole = Columns(source, config.id or NUMBER, {"item": config.column or ""}, config.labels)
    whole = whole._replace(item_key="import.column", unlabelled="import.labels=null", section="import")
    names = first.schema(whole._replace(items={}, id="", labels=None)).names
    column = config.column or _only(opened, whole, [name for name in names if name not in (config.id, config.labels)])
    columns = whole._replace(items={"item": column}, texts=(column,))
    check_names([NUMBER, *names], columns, first.place if len(opened.corpus.parts) > 1 else source)
    return columns


def _only(opened: Opened, columns: Columns, names: Sequence[str]) -> str:
    """Return the only column that may hold codes."""
    sought = {name: columns._replace(items={"item": name}, texts=(name,), id=name, labels=None) for name in names}
    if isinstance(opened.corpus.parts[0], NpyPart):
        sought = {name: sought[name] for name, _ in opened.corpus.parts[0].matrices}
    if len(sought) == 1:
        return next(iter(sought))
    like = {name: likeness(sample(opened.corpus.parts, each, parts_looked_at=1)) for name, each in sought.items()}
    best = [name for name in like if like[name] == max(like.values(), default=0) > 0]
    if len(best) == 1:
        return best[0]
    said = f"several columns may hold codes, {', '.join(best)}" if best else "no column looks like codes"
    raise InvalidInputError(
        f"{columns.source}: {said}; say --set import.column={best[0] if best else 'NAME'}; it has {', '.join(names)}"
    )


def sample(parts: Sequence[Part], columns: Columns, *, parts_looked_at: int = SAMPLED_PARTS) -> Sample:
    """Return some codes of parts far apart, looked at."""
    only = columns._replace(id=columns.items["item"], labels=None)
    return look([_first(part, only) for part in spread(parts, parts_looked_at)])


def _first(part: Part, columns: Columns) -> pa.Array:
    """Return the items of the first rows of a part."""
    import pyarrow as pa

    batch = next(part.batches(columns, SAMPLED_ROWS), None)
    return pa.nulls(0) if batch is None else batch.column(0)
