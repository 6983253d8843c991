"""Ids that occur twice in a codes directory are found before an index is built of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashcore.columns.ids import shown, to_column
from hashcore.errors import InvalidInputError
from jobs.engine.interrupts import wait_for
from jobs.engine.spark_engine import session_of
from jobs.engine.tasks import Engine
from jobs.stages import codes_directory
from jobs.stages.codes_directory import Piece

if TYPE_CHECKING:
    import pyarrow as pa

    from indexer import KeySpec

NAMED_IDS = 5

Reader = Callable[[Piece], Iterator[NDArray[np.int64]]]


def check_ids(
    engine: Engine, source: str, chunks: Sequence[codes_directory.Chunk], spec: KeySpec | None
) -> KeySpec | None:
    """Look for ids that occur twice in a codes directory.

    Args:
        engine: Who reads.
        source: The codes directory, for messages.
        chunks: Of it.
        spec: How keys become the ids of an index, None where they are numbers.

    Returns:
        The same, or with another seed where two different keys would have become one id.

    Raises:
        InvalidInputError: If one occurs twice, naming a few.
    """
    pieces = [piece for chunk in chunks for piece in chunk]
    while repeated := repeated_ids(engine, pieces, partial(numbers, spec)):
        twice = repeated if spec is None else _keys_twice(engine, pieces, repeated, spec)
        if twice:
            named = ", ".join(str(shown(key)) for key in twice)
            raise InvalidInputError(f"{source}: ids occur more than once, such as {named}; give every item its own id")
        assert spec is not None  # numbers are what they are
        spec = spec.model_copy(update={"seed": spec.seed + 1})
    return spec


def numbers(spec: KeySpec | None, piece: Piece) -> Iterator[NDArray[np.int64]]:
    """Yield the ids of a piece, keys as the numbers that they become."""
    import indexer

    for ids in codes_directory.id_batches(piece):
        yield ids if spec is None else indexer.key_ids(ids, spec)


def repeated_ids(engine: Engine, pieces: Sequence[Piece], read: Reader) -> list[int]:
    """Return a few of the numbers that occur twice, by one aggregation on Spark over all of them."""
    spark = session_of(engine, "index.check_ids=true")

    def read_numbered(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            for number in batch.column(0).to_pylist():
                for ids in read(pieces[number]):
                    yield pa.RecordBatch.from_pydict({"id": ids})

    frame = spark.range(0, len(pieces), 1, len(pieces)).mapInArrow(read_numbered, "id long")
    repeated = frame.groupBy("id").count().where("count > 1").select("id").limit(NAMED_IDS)
    return [int(row.id) for row in wait_for(spark, repeated.collect)]


def _keys_twice(engine: Engine, pieces: Sequence[Piece], repeated: Sequence[int], spec: KeySpec) -> list[str | bytes]:
    """Return a few of the keys that occur twice, among those that become some numbers."""
    found = engine.map_tasks(partial(_keys_of, repeated, spec), pieces, "keys that occur twice")
    keys = sorted(key for part in found for key in part)
    return sorted({key for key, after in pairwise(keys) if key == after})[:NAMED_IDS]


def _keys_of(repeated: Sequence[int], spec: KeySpec, piece: Piece) -> list[str | bytes]:
    """Return the keys of a piece that become some numbers, each at most twice."""
    import indexer

    found: list[str | bytes] = []
    for ids in codes_directory.id_batches(piece):
        column = to_column(ids).filter(np.isin(indexer.key_ids(ids, spec), repeated))
        found += column.to_pylist()
    return [key for key in dict.fromkeys(found) for _ in range(min(found.count(key), 2))]
