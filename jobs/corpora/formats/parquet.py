"""Parquet: a file, or a folder of files whose folders may name columns; a part is a file, a piece a row group.

Each file is read by its own schema. A column that is in the names of folders (`label=3/`) counts as one of the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hashcore.errors import InvalidInputError
from hashcore.storage.files import located
from hashcore.storage.listing import below
from hashcore.storage.places import S3, is_object
from jobs.corpora.formats import csv_rows, images, json_lines
from jobs.corpora.formats.corpus import Corpus
from jobs.corpora.reader import Columns
from jobs.stages.parquet_files import checksums, readable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.dataset import Dataset, Fragment, ParquetFragmentScanOptions


OTHERS = (*images.SUFFIXES, *json_lines.SUFFIXES, *csv_rows.SUFFIXES)
"""Files that may lie beside where it is said that Parquet is read, such as the images that it names."""


class ParquetPart(NamedTuple):
    """A Parquet file, or some of its row groups.

    Attributes:
        source: The corpus, for messages.
        fragment: The file.
        size: Bytes of the file that are read, about.
        group: Number of the row group that is read; None for all.
    """

    source: str
    fragment: Fragment
    size: int
    group: int | None = None

    @property
    def place(self) -> str:
        """The file."""
        return f"{S3 if is_object(self.source) else ''}{self.fragment.path}"

    @property
    def folder(self) -> str:
        """The folder of the file."""
        return self.place.rpartition("/")[0]

    @property
    def inputs(self) -> str:
        """The file, and its row group."""
        rows = "all rows" if self.group is None else f"row groups {self.group}:{self.group + 1}"
        return f"{self.fragment.path} {rows}"

    def schema(self, columns: Columns) -> pa.Schema:  # noqa: ARG002
        """Return the columns of the file, and of the names of its folders."""
        import pyarrow as pa

        file = self.fragment
        with readable(self.source):
            held = file.format.inspect(file.path, filesystem=file.filesystem)  # keeps no footer, as the fragment would
        return pa.schema([*held, *(pa.field(name, pa.scalar(value).type) for name, value in keys(self).items())])

    def rows(self) -> int:
        """Return the rows, by the footer."""
        file = self.fragment
        if self.group is not None:
            return sum(group.num_rows for group in file.row_groups)
        with readable(self.source):  # by another fragment, as this one would keep its footer
            return int(file.format.make_fragment(file.path, file.filesystem).count_rows())

    def batches(self, columns: Columns, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows; checksums of pages are compared."""
        import pyarrow as pa

        names, folders = columns.names(), keys(self)
        with readable(self.source):
            physical = self.fragment.physical_schema
        fields = [
            pa.field(name, pa.scalar(folders[name]).type) if name in folders else physical.field(name) for name in names
        ]
        read = self.fragment.to_batches(
            schema=pa.schema(fields),
            columns=names,
            batch_size=batch_rows,
            use_threads=False,
            batch_readahead=1,
            fragment_scan_options=_scan(),
        )
        while True:
            with readable(self.source):
                batch = next(read, None)
            if batch is None:
                return
            yield batch

    def pieces(self, most_bytes: int) -> Sequence[ParquetPart]:  # noqa: ARG002
        """Return the row groups; one is not divided."""
        with readable(self.source):
            groups = self.fragment.split_by_row_group()
        size = self.size // max(1, len(groups))
        return [ParquetPart(self.source, group, size, group.row_groups[0].id) for group in groups] or [self]


def open_corpus(source: str) -> Corpus:
    """Open a file or a folder of them; errors as of `dataset`."""
    held = dataset(source)
    files = sorted(held.get_fragments(), key=lambda fragment: fragment.path)
    with readable(source):
        sizes = [info.size for info in held.filesystem.get_file_info([file.path for file in files])]
    parts = [ParquetPart(source, file, size) for file, size in zip(files, sizes, strict=True)]
    return Corpus(source, parts, f"{len(files):,} Parquet file{'s' if len(files) > 1 else ''}")


def dataset(source: str) -> Dataset:
    """Return a file or a folder of them as Arrow's dataset; checksums of pages are compared.

    Raises:
        InvalidInputError: If there is none, it cannot be read, or holds what readers would pass over.
        StorageError: If the storage refuses.
    """
    from pyarrow import dataset

    with readable(source):
        system, inner = located(source)
        file_format = dataset.ParquetFileFormat(default_fragment_scan_options=_scan())
        held = [path for path, _ in below(source)]
        rows = [path for path in held if not path.lower().endswith(OTHERS)]
        corpus = dataset.dataset(
            inner if len(rows) == len(held) else [f"{inner}/{path}" for path in rows],
            format=file_format,
            filesystem=system,
            partitioning="hive",
            partition_base_dir=None if len(rows) == len(held) else inner,
        )
    if not corpus.files:
        raise InvalidInputError(f"{source} holds no Parquet file; correct the path, or write one there")
    return corpus


def keys(part: ParquetPart) -> dict[str, Any]:
    """Return the columns that the names of a file's folders give, with their values."""
    from pyarrow.dataset import get_partition_keys

    return dict(get_partition_keys(part.fragment.partition_expression))


def _scan() -> ParquetFragmentScanOptions:
    """Return how files are read: a page whose checksum is another than the file says is an error."""
    from pyarrow.dataset import ParquetFragmentScanOptions

    return ParquetFragmentScanOptions(**checksums("page_checksum_verification"))
