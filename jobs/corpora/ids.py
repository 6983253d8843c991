"""Lists of ids, given by themselves or as a file: what to delete, or to encode once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from hashcore.columns import ids
from hashcore.columns.ids import Ids, as_ids, shown
from hashcore.errors import InvalidInputError, brief, one_line
from hashcore.storage import files
from jobs.corpora.formats import corpus, parquet
from jobs.corpora.reader import Columns

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 1 << 20
LARGEST = (1 << 63) - 1
SHOWN = 5

Kind = Literal["int64", "string", "binary"]
CALLED = {"int64": "whole numbers", "string": "texts", "binary": "bytes, as 0x and hexadecimal digits in texts"}


def read_ids(source: str | Sequence[int | str], column: str, kind: Kind | None = "int64") -> Ids:
    """Return ids, each once, ascending: int64 of shape (n,), or keys as an Arrow array.

    Args:
        source: The ids; or a Parquet file or directory, a `.csv` file with a header, or a `.txt` file of an id a line.
        column: Which one of a table.
        kind: Type of the ids that they are compared with; None takes what a file holds.

    Raises:
        InvalidInputError: If it cannot be read, or the column is missing or holds no ids, or ids of another type.
        StorageError: If the storage refuses.
    """
    if not isinstance(source, str):
        return _own(source, kind or "int64")
    if not files.exists(source):
        raise InvalidInputError(f"{source} does not exist; give a Parquet or CSV file of ids, or the ids: [17, 4]")
    read = _lines if source.endswith((".csv", ".txt")) else _parquet
    try:
        found = [_typed(array, kind, column, source) for array in read(source, column, kind)]
        ids.refuse_nulls(sum(array.null_count for array in found), column, source)
    except InvalidInputError as error:
        wanted = CALLED[kind] if kind else "ids"
        raise InvalidInputError(f"{source}: no {wanted} in column {column} ({error}); name another") from None
    return _ascending(found, kind or (kind_of(found[0]) if found else "int64"))


def kind_of(column: pa.Array) -> Kind:
    """Return the type of ids, as `read_keys` gives them."""
    known: dict[str, Kind] = {"string": "string", "binary": "binary"}
    return known.get(str(column.type), "int64")


class Among:
    """The ids of a list, as what tells of other ids whether they are among them; read once where it is used."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._wanted: pa.Array | None = None

    def __call__(self, column: pa.Array) -> pa.Array:
        """Return a boolean a row: whether an id, as `read_keys` gives it, is one of the list."""
        import pyarrow.compute as pc

        if self._wanted is None:
            self._wanted = ids.to_column(read_ids(self._source, "id", kind_of(column)))
        return pc.is_in(column, self._wanted)


def difference(wanted: Ids, found: Sequence[Ids]) -> Ids:
    """Return the ids, each once and ascending, that are not among others of the same type."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(wanted, np.ndarray):
        return np.setdiff1d(wanted, np.concatenate([wanted[:0], *found]))
    others = pa.concat_arrays([wanted[:0], *found])
    return wanted.filter(pc.invert(pc.is_in(wanted, others)))


def listed(some: Ids) -> str:
    """Return the first of some ids in words."""
    told = ", ".join(str(shown(key)) for key in some[:SHOWN].tolist())
    return told + (f" and {len(some) - SHOWN:,} more" if len(some) > SHOWN else "")


def _own(given: Sequence[int | str], kind: Kind) -> Ids:
    """Return ids that were given by themselves."""
    import pyarrow as pa

    strange = [key for key in given if isinstance(key, str) == (kind == "int64")]
    if kind != "int64" and strange:
        raise InvalidInputError(f"id {strange[0]} is a number; the ids are {CALLED[kind]}: quote it, as in ['17', '4']")
    if strange:
        raise InvalidInputError(f"id {brief(strange[0])} is no number; the ids are {CALLED[kind]}: give these")
    if kind != "int64":
        return _ascending([_typed(pa.array(list(given), pa.string()), kind, "ids", "ids")], kind)
    beyond = [number for number in given if not -LARGEST - 1 <= int(number) <= LARGEST]
    if beyond:
        raise InvalidInputError(f"id {beyond[0]} does not fit into 64 bits; ids are from -2**63 to 2**63 - 1")
    return np.unique(np.array(given, np.int64))


def _typed(array: pa.Array | pa.ChunkedArray, kind: Kind | None, column: str, source: str) -> pa.Array:
    """Return ids as a column of some type; bytes may be given as texts of hexadecimal digits."""
    if kind == "int64":
        return ids.read_ids(array, column, source)
    found = ids.read_keys(array, column, source)
    if kind == "binary" and kind_of(found) == "string":
        return _bytes(found, column, source)
    if kind is not None and kind_of(found) != kind:
        raise InvalidInputError(f"{source}: ids in {column} are {found.type}")
    return found


def _bytes(texts: pa.Array, column: str, source: str) -> pa.Array:
    """Return the bytes that texts of hexadecimal digits say."""
    import pyarrow as pa

    try:
        return pa.array([text and bytes.fromhex(text.removeprefix("0x")) for text in texts.to_pylist()], pa.binary())
    except ValueError as error:
        raise InvalidInputError(f"{source}: ids in {column} are no hexadecimal digits ({error})") from None


def _ascending(parts: Sequence[pa.Array], kind: Kind) -> Ids:
    """Return the ids of all parts, ascending, each once."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind == "int64":
        return np.unique(np.concatenate([np.empty(0, np.int64), *map(as_ids, parts)]))
    empty = pa.array([], pa.large_string() if kind == "string" else pa.large_binary())
    every = pa.concat_arrays([empty, *map(as_ids, parts)]).unique()
    return every.take(pc.sort_indices(every))


def _parquet(source: str, column: str, kind: Kind | None) -> Iterator[pa.Array]:
    """Yield a column of a Parquet file or directory."""
    del kind
    columns = Columns(source, column, {}, None)
    for part in corpus.checked(parquet.open_corpus(source), columns):
        for batch in part.batches(columns, ROWS_AT_ONCE):
            yield batch.column(0)


def _lines(source: str, column: str, kind: Kind | None) -> Iterator[pa.Array]:
    """Yield a column of a text file; the only one of a `.txt`."""
    import pyarrow as pa
    from pyarrow import csv

    system, inner = files.located(source)
    names = [column] if source.endswith(".txt") else None
    are_texts = kind in ("string", "binary") or (kind is None and names)  # which may hold commas, or look like numbers
    as_texts = csv.ConvertOptions(column_types={column: pa.string()} if are_texts else None)
    parsing = csv.ParseOptions(delimiter="\x1f", quote_char=False) if names and are_texts else csv.ParseOptions()
    try:
        with system.open_input_stream(inner) as file:
            read = csv.read_csv(file, csv.ReadOptions(column_names=names), parsing, as_texts)
            yield from read.column(column).chunks
    except (pa.ArrowInvalid, KeyError) as error:
        raise InvalidInputError(one_line(error)) from None
