"""A corpus of Parquet files in steps, read within the tasks: only file names and row groups pass through the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from jobs.corpora import reader
from jobs.corpora.reader import Columns, canonical, checked, opened, raw_batches
from jobs.engine.tasks import Engine
from jobs.stages.parquet_files import readable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.dataset import Dataset, Fragment


Result = TypeVar("Result")

SHARE_BYTES = 512 << 20  # most bytes of files that a task reads; a larger row group is not divided
LEAST_SHARE_BYTES = 4 << 20  # for less, starting a task costs more than it saves
SHARES = 256  # of a step, about: the same whoever runs them, so that their files are


class Step(NamedTuple):
    """Some files of a corpus, divided into what single tasks read.

    Attributes:
        columns: What is read of them.
        shares: Files, or row groups of a file, of each task.
        batch_rows: Rows that are read at once.
    """

    columns: Columns
    shares: list[list[Fragment]]
    batch_rows: int

    def map(
        self, engine: Engine, function: Callable[[int, Iterator[pa.RecordBatch]], Result], label: str, gpus: float
    ) -> list[Result]:
        """Apply a function to the number and the batches (id, item, labels) of every share, a task each."""
        apply = partial(_apply, self._replace(shares=[]), function)
        return engine.map_tasks(apply, list(enumerate(self.shares)), label, gpus)

    def has_names(self) -> bool:
        """Return whether its labels are names."""
        return reader.has_names((part for share in self.shares for part in share), self.columns)


def _apply(
    step: Step, function: Callable[[int, Iterator[pa.RecordBatch]], Result], task: tuple[int, list[Fragment]]
) -> Result:
    """Apply a function to the batches of one share."""
    number, fragments = task
    return function(number, batches(step, fragments))


def steps(columns: Columns, files_per_step: int, batch_rows: int) -> list[Step]:
    """Divide a corpus by its files, in the order of their names, so that each step can be encoded and kept by itself.

    Raises:
        InvalidInputError: If it cannot be read, or lacks a column, or ids or labels are no whole numbers.
    """
    corpus = opened(columns.source)
    files = checked(corpus, columns)
    made = []
    for start in range(0, max(len(files), 1), files_per_step):
        shares = list(_shares(corpus, files[start : start + files_per_step], columns.source))
        made.append(Step(columns, shares, batch_rows))
    return made


def _shares(corpus: Dataset, files: Sequence[Fragment], source: str) -> Iterator[list[Fragment]]:
    """Divide files into shares of nearly equal bytes, and files that are larger than a share by their row groups."""
    sizes = [info.size for info in corpus.filesystem.get_file_info([file.path for file in files])]
    limit = min(SHARE_BYTES, max(LEAST_SHARE_BYTES, sum(sizes) // SHARES))
    parts = []
    for file, size in zip(files, sizes, strict=True):
        with readable(source):
            groups = file.split_by_row_group() if size > limit else [file]
        parts += [(part, size / len(groups)) for part in groups]
    bounds, done = [], 0.0
    for _, size in parts:
        bounds.append(int(done / limit))
        done += size
    numbered = zip(bounds, (part for part, _ in parts), strict=True)
    yield from ([part for _, part in share] for _, share in groupby(numbered, key=lambda pair: pair[0]))


def batches(step: Step, fragments: Iterable[Fragment]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a share as record batches (id int64, items, labels list<int32>)."""
    for fragment in fragments:
        for batch in raw_batches(step.columns, fragment, step.batch_rows):
            yield canonical(batch, step.columns)
