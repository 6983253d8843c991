"""Names of labels: gathered over a whole corpus, then numbered by their order, label i being called names[i]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hashcore.errors import InvalidInputError
from jobs.corpora.reader import Columns
from jobs.engine.tasks import Engine

if TYPE_CHECKING:
    import pyarrow as pa

    from jobs.corpora.source import Step

MOST_NAMES = 1_000_000  # they travel with each generation of an index


def gather(engine: Engine, steps: Sequence[Step], columns: Columns, label: str) -> tuple[str, ...] | None:
    """Return the names of a corpus's labels, sorted; None where labels are numbers, or there are none.

    Args:
        engine: Who reads.
        steps: Of the corpus, with no items to read.
        columns: What is read of it.
        label: Name of the stage, for people.

    Raises:
        InvalidInputError: If there are too many names.
    """
    if columns.labels is None or not any(step.has_names() for step in steps):
        return None
    return joined([names for step in steps for names in step.map(engine, names_of, label, 0)], columns)


def joined(parts: Sequence[Sequence[str]], columns: Columns) -> tuple[str, ...]:
    """Return the names of all parts of a corpus, sorted, each once."""
    names = sorted(set[str]().union(*parts))
    if len(names) > MOST_NAMES:
        raise InvalidInputError(
            f"{columns.source}: {len(names):,} names of labels in {columns.labels}, such as {names[0]!r}, more than "
            f"{MOST_NAMES:,}; name a column of classes, or say {columns.unlabelled}"
        )
    return tuple(names)


def names_of(number: int, batches: Iterator[pa.RecordBatch]) -> list[str]:
    """Return the names of labels in the batches of a task, each once."""
    del number
    found: set[str] = set()
    for batch in batches:
        found.update(batch.column("labels").flatten().unique().to_pylist())
        if len(found) > MOST_NAMES:
            break
    return sorted(found)


def numbered(labels: pa.ListArray, names: Sequence[str] | None) -> pa.ListArray:
    """Return labels as list<int32>, names by their places.

    Args:
        labels: One list a row, of numbers or of names, as the reader gives them.
        names: Of all labels; None where these are numbers.

    >>> import pyarrow as pa
    >>> numbered(pa.array([["dog"], [], ["cat", "dog"]]), ("cat", "dog")).to_pylist()
    [[1], [], [0, 1]]
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if names is None or not pa.types.is_string(labels.type.value_type):
        return labels.cast(pa.list_(pa.int32()))
    places = pc.index_in(labels.flatten(), pa.array(names, pa.string()))
    counts = pc.list_value_length(labels).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([np.zeros(1, np.int32), np.cumsum(counts, dtype=np.int32)])
    return pa.ListArray.from_arrays(pa.array(offsets), places)
