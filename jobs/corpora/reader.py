"""The one reader of Parquet corpora, of training and of encoding: in this process, or in the tasks of Spark and of Ray.

Each file is read by its own schema, and its columns become what all others are: ids int64 or keys, labels lists of
numbers or of names. So files may differ in the width of their numbers, and in how Arrow encodes them. A column that is
in the names of folders (`label=3/`) counts as one of the files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from hashcore.columns.ids import read_keys
from hashcore.columns.labels import LabelForm, read_labels
from hashcore.columns.plain import is_list, plain
from hashcore.errors import InvalidInputError
from hashcore.storage.files import located
from hashcore.storage.places import is_object
from hashcore.storage.trees import check_tree
from jobs.stages.parquet_files import checksums, readable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.dataset import Dataset, Fragment, ParquetFragmentScanOptions

FOOTERS_AT_ONCE = 16
SAMPLED = 8  # files and row groups that rows are looked at of


class Columns(NamedTuple):
    """A corpus and those of its columns that are read.

    Attributes:
        source: The corpus, for messages.
        id: Column of whole numbers or keys.
        items: Column of each kind of items, by the name that it is given.
        labels: Column of labels, or None.
        labels_as: What lists of labels hold: numbers, or 0 and 1; None where it is not said.
        item_key: The option that names the column of items, for messages.
        unlabelled: What to set where there are no labels.
    """

    source: str
    id: str
    items: Mapping[str, str]
    labels: str | None
    labels_as: LabelForm | None = None
    item_key: str = "encode.column"
    unlabelled: str = "corpus.labels=null"

    def names(self) -> list[str]:
        """Return the names of the corpus's columns that are read, each once."""
        wanted = (self.id, *self.items.values(), *([] if self.labels is None else [self.labels]))
        return list(dict.fromkeys(wanted))


def opened(source: str) -> Dataset:
    """Return a Parquet file, or a folder of them whose folders may name columns; checksums of pages are compared.

    Raises:
        InvalidInputError: If there is none, it cannot be read, or holds what readers would pass over.
        StorageError: If the storage refuses.
    """
    from pyarrow import dataset

    with readable(source):
        system, inner = located(source)
        if not is_object(source) and os.path.isdir(inner):
            check_tree(inner)
        file_format = dataset.ParquetFileFormat(default_fragment_scan_options=_scan())
        corpus = dataset.dataset(inner, format=file_format, filesystem=system, partitioning="hive")
    if not corpus.files:
        raise InvalidInputError(f"{source} holds no Parquet file; correct the path, or write one there")
    return corpus


def checked(corpus: Dataset, columns: Columns) -> list[Fragment]:
    """Return the files of a corpus, sorted, after a look at the columns of each.

    Raises:
        InvalidInputError: If one lacks a column, has it twice, holds ids or labels that are none, or others than the
            rest.
    """
    files = sorted(corpus.get_fragments(), key=lambda fragment: fragment.path)

    def schema(file: Fragment) -> pa.Schema:
        return corpus.format.inspect(file.path, filesystem=corpus.filesystem)  # keeps no footer, as the fragment would

    with readable(columns.source), ThreadPoolExecutor(FOOTERS_AT_ONCE) as pool:
        places = [columns.source if len(files) == 1 else file.path for file in files]
        held = zip(pool.map(schema, files), files, places, strict=True)
        kinds = [check(found, columns, keys(file), place) for found, file, place in held]
    for name, of_files in zip(("ids", "labels"), zip(*kinds, strict=True), strict=False):
        _check_alike(name, dict(zip(places, of_files, strict=True)), columns.source)
    return files


def _check_alike(name: str, kinds: dict[str, str | None], source: str) -> None:
    """Raise InvalidInputError unless ids, or labels, are of one kind in all files that have some."""
    first = {kind: place for place, kind in reversed(kinds.items()) if kind is not None}
    if len(first) > 1:
        said = " and ".join(f"{kind} in {place}" for kind, place in sorted(first.items()))
        raise InvalidInputError(f"{source}: {name} are {said}; write them alike")


def keys(fragment: Fragment) -> dict[str, Any]:
    """Return the columns that the names of a file's folders give, with their values."""
    from pyarrow.dataset import get_partition_keys

    return dict(get_partition_keys(fragment.partition_expression))


def check(schema: pa.Schema, columns: Columns, folders: Mapping[str, Any], place: str) -> list[str | None]:
    """Return the kinds of ids, and of labels where they are read; None where all of them are null.

    Raises:
        InvalidInputError: If a column is missing or there twice, or ids or labels are none.
    """
    import pyarrow as pa

    check_names([*schema.names, *folders], columns, place)
    kinds: list[str | None] = []
    for name, read in ((columns.id, read_keys), (columns.labels, partial(read_labels, form=columns.labels_as))):
        if name is not None:
            sample = pa.array([folders[name]]) if name in folders else pa.nulls(0, schema.field(name).type)
            read_type = read(sample, name, place).type
            kind = read_type.value_type if pa.types.is_list(read_type) else read_type
            kinds.append(None if _is_empty(plain(sample).type) else _called(kind))
    return kinds


def has_names(files: Iterable[Fragment], columns: Columns) -> bool:
    """Return whether labels are names, by the first of some files, which `checked` has seen, that can hold any."""
    if columns.labels is None:
        return False
    kinds = (check(file.physical_schema, columns, keys(file), columns.source)[1] for file in files)
    return next((kind for kind in kinds if kind is not None), None) == "texts"


def _is_empty(kind: pa.DataType) -> bool:
    """Return whether a column of a type can hold no value."""
    import pyarrow as pa

    return bool(pa.types.is_null(kind) or (is_list(kind) and pa.types.is_null(kind.value_type)))


def _called(kind: pa.DataType) -> str:
    """Return what values of a type are called."""
    import pyarrow as pa

    return "numbers" if pa.types.is_integer(kind) else {"string": "texts"}.get(str(kind), "bytes")


def check_names(names: Sequence[str], columns: Columns, place: str) -> None:
    """Raise InvalidInputError if a column is missing, or there twice."""
    wanted = [("corpus.id", columns.id), *((columns.item_key, column) for column in columns.items.values())]
    for key, name in (*wanted, ("corpus.labels", columns.labels)):
        if name is not None and name not in names:
            hint = f"; use --set {columns.unlabelled} where items have none" if name == columns.labels else ""
            among = "" if place == columns.source else f", a file of {columns.source},"
            raise InvalidInputError(f"{place}{among} has no column {name} ({key}); it has {', '.join(names)}{hint}")
        if name is not None and names.count(name) > 1:
            raise InvalidInputError(
                f"{place} has two columns {name} ({key}), in the file or in the names of its folders; rename one"
            )


def raw_batches(columns: Columns, fragment: Fragment, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, or of some of its row groups, with the columns that are read, as they are there."""
    import pyarrow as pa

    names, folders = columns.names(), keys(fragment)
    with readable(columns.source):
        physical = fragment.physical_schema
    fields = [
        pa.field(name, pa.scalar(folders[name]).type) if name in folders else physical.field(name) for name in names
    ]
    read = fragment.to_batches(
        schema=pa.schema(fields),
        columns=names,
        batch_size=batch_rows,
        use_threads=False,
        batch_readahead=1,
        fragment_scan_options=_scan(),
    )
    while True:
        with readable(columns.source):
            batch = next(read, None)
        if batch is None:
            return
        yield batch


def sample(columns: Columns, files: Sequence[Fragment], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield some rows from all parts of a corpus, as they are there: the first of files and row groups far apart."""
    with readable(columns.source):
        groups = [group for file in _spread(files) for group in file.split_by_row_group()]
    for group in _spread(groups):
        yield from islice(raw_batches(columns, group, -(-rows // min(len(groups), SAMPLED))), 1)


def _spread(parts: Sequence[Fragment]) -> list[Fragment]:
    """Return some of the parts, far apart."""
    count = min(len(parts), SAMPLED)
    return [parts[number * len(parts) // count] for number in range(count)]


def canonical(batch: pa.RecordBatch | pa.Table, columns: Columns) -> pa.RecordBatch:
    """Return the columns of a batch as all others have them: id (int64, string or binary), the items, labels.

    Labels are list<int32>, or list<string> where they are names.

    Raises:
        InvalidInputError: If ids or labels are none.
    """
    import pyarrow as pa

    arrays = {"id": read_keys(batch.column(columns.id), columns.id, columns.source)}
    arrays |= {name: plain(batch.column(column)) for name, column in columns.items.items()}
    if columns.labels is not None:
        labels = batch.column(columns.labels)
        arrays["labels"] = read_labels(labels, columns.labels, columns.source, columns.labels_as)
    return pa.RecordBatch.from_pydict(arrays)


def _scan() -> ParquetFragmentScanOptions:
    """Return how files are read: a page whose checksum is another than the file says is an error."""
    from pyarrow.dataset import ParquetFragmentScanOptions

    return ParquetFragmentScanOptions(**checksums("page_checksum_verification"))
