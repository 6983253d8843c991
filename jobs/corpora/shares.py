"""A corpus in steps of some parts each, read within the tasks: only what names the parts passes through the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from jobs.corpora.formats import corpus
from jobs.corpora.formats.corpus import Corpus, Part
from jobs.corpora.reader import Columns, Wanted
from jobs.engine.tasks import Engine

if TYPE_CHECKING:
    import pyarrow as pa


Result = TypeVar("Result")

SHARE_BYTES = 512 << 20  # most bytes of files that a task reads; what cannot be divided may be larger
LEAST_SHARE_BYTES = 4 << 20  # for less, starting a task costs more than it saves
SHARES = 256  # of a step, about; the same whoever runs them, so that their files are


class Step(NamedTuple):
    """Some parts of a corpus, divided into what single tasks read.

    Attributes:
        columns: What is read of them.
        shares: Parts, or pieces of them, of each task.
        batch_rows: Rows that are read at once.
        wanted: Tells of each id whether its row is read; None reads all.
    """

    columns: Columns
    shares: list[list[Part]]
    batch_rows: int
    wanted: Wanted | None = None

    def map(
        self, engine: Engine, function: Callable[[int, Iterator[pa.RecordBatch]], Result], label: str, gpus: float
    ) -> list[Result]:
        """Apply a function to the number and the batches (id, item, labels) of every share, a task each."""
        apply = partial(_apply, self._replace(shares=[]), function)
        return engine.map_tasks(apply, list(enumerate(self.shares)), label, gpus)

    def has_names(self) -> bool:
        """Return whether its labels are names."""
        return corpus.has_names((part for share in self.shares for part in share), self.columns)

    def batches(self, share: Sequence[Part]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a share as record batches: id, the items, labels."""
        return corpus.batches(self.columns, share, self.batch_rows, self.wanted)

    def only(self, wanted: Wanted) -> Step:
        """Return the step with the wanted rows alone."""
        return self._replace(wanted=wanted)


def _apply(
    step: Step, function: Callable[[int, Iterator[pa.RecordBatch]], Result], task: tuple[int, list[Part]]
) -> Result:
    """Apply a function to the batches of one share."""
    number, parts = task
    return function(number, step.batches(parts))


def steps(columns: Columns, opened: Corpus, files_per_step: int, batch_rows: int) -> list[Step]:
    """Divide a corpus by its parts, in their order, so that each step can be encoded and kept by itself.

    Raises:
        InvalidInputError: If a part lacks a column, or ids or labels are none.
    """
    parts = corpus.checked(opened, columns)
    starts = range(0, len(parts), files_per_step)
    return [Step(columns, list(_shares(parts[start : start + files_per_step])), batch_rows) for start in starts]


def _shares(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Divide parts into shares of nearly equal bytes, and parts that are larger than a share into pieces."""
    limit = min(SHARE_BYTES, max(LEAST_SHARE_BYTES, sum(part.size for part in parts) // SHARES))
    divided: list[tuple[Part, float]] = []
    for part in parts:
        pieces = part.pieces(limit) if part.size > limit else [part]
        divided += [(piece, part.size / len(pieces)) for piece in pieces]
    bounds, done = [], 0.0
    for _, size in divided:
        bounds.append(int(done / limit))
        done += size
    numbered = zip(bounds, (piece for piece, _ in divided), strict=True)
    yield from ([piece for _, piece in share] for _, share in groupby(numbered, key=lambda pair: pair[0]))
