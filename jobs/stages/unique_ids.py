"""Ids that occur twice in a codes directory are found before an index is built of them.

On Spark that is one aggregation; in this process ids go through files on disk, so that memory is bounded.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hashcore.columns.ids import shown, to_column
from hashcore.errors import InvalidInputError
from jobs.engine.interrupts import wait_for
from jobs.engine.spark_engine import SparkEngine
from jobs.engine.tasks import Engine
from jobs.stages import codes_directory
from jobs.stages.codes_directory import Piece
from jobs.telemetry import run_notes

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from indexer import KeySpec

NAMED_IDS = 5
AT_ONCE = 1 << 24  # ids in memory: 128 MiB, and twice that while they are sorted
MOST_PARTS = 512  # files open at once
FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ / φ: Knuth's multiplicative hashing

Array = NDArray[np.int64]

Reader = Callable[[Piece], Iterator[Array]]


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
    while again := repeated_ids(engine, pieces, partial(numbers, spec)):
        twice = again if spec is None else _keys_twice(engine, pieces, again, spec)
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
    """Return a few of the numbers that occur twice."""
    if isinstance(engine, SparkEngine):
        return _repeated_on_spark(engine.session, pieces, read)
    with run_notes.stage("check ids"):
        batches = (ids for piece in pieces for ids in read(piece))
        return list(map(int, repeated(batches, codes_directory.chunk_rows(tuple(pieces)))[:NAMED_IDS]))


def _repeated_on_spark(spark: SparkSession, pieces: Sequence[Piece], read: Reader) -> list[int]:
    """Return a few of the numbers that occur twice, by one aggregation over all of them."""

    def read_numbered(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            for number in batch.column(0).to_pylist():
                for ids in read(pieces[number]):
                    yield pa.RecordBatch.from_pydict({"id": ids})

    frame = spark.range(0, len(pieces), 1, len(pieces)).mapInArrow(read_numbered, "id long")
    twice = frame.groupBy("id").count().where("count > 1").select("id").limit(NAMED_IDS)
    return [int(row.id) for row in wait_for(spark, twice.collect)]


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


def repeated(batches: Iterable[Array], rows: int, *, at_once: int = AT_ONCE) -> Array:
    """Return the ids that occur more than once, each once, ascending.

    Of more than `at_once` ids each is written to one of several temporary files, chosen by a hash, and the files are
    looked at one after another: 8 bytes an id on disk, and about `at_once` ids in memory.

    Args:
        batches: The ids, int64 of shape (n,) each, in any order.
        rows: How many there are.
        at_once: Ids that are held in memory.
    """
    if rows <= at_once:
        return _twice(np.sort(np.concatenate([np.empty(0, np.int64), *batches])))
    found: list[Array] = []
    with tempfile.TemporaryDirectory(prefix="hashcore-ids-") as folder:
        parts = min(MOST_PARTS, -(-2 * rows // at_once))
        names = [os.path.join(folder, f"{part:03}") for part in range(parts)]
        with ExitStack() as held:
            files = [held.enter_context(open(name, "wb")) for name in names]
            for block in _blocks(batches, at_once // 2):
                block.sort()
                found.append(_twice(block))  # told here, so that ids that occur often fill no file
                for file, ids in zip(files, _divided(block[_is_first(block)], parts), strict=True):
                    ids.tofile(file)
        found += [_twice(np.sort(np.fromfile(name, np.int64))) for name in names]
    every = np.sort(np.concatenate(found))
    return every[_is_first(every)]


def _blocks(batches: Iterable[Array], size: int) -> Iterator[Array]:
    """Yield the ids of all batches in arrays of their own, of about so many each."""
    held, count = [], 0
    for batch in batches:
        held.append(batch)
        count += len(batch)
        if count >= size:
            yield np.concatenate(held)
            held, count = [], 0
    if held:
        yield np.concatenate(held)


def _divided(ids: Array, parts: int) -> list[Array]:
    """Divide ids into so many parts by a hash."""
    high = (ids.view(np.uint64) * FACTOR) >> np.uint64(32)
    part = ((high * np.uint64(parts)) >> np.uint64(32)).astype(np.int16)
    order = np.argsort(part, kind="stable")
    return np.split(ids[order], np.searchsorted(part[order], np.arange(1, parts)))


def _is_first(ascending: Array) -> NDArray[np.bool_]:
    """Return for each of some ids, in ascending order, whether it differs from the one before."""
    return np.concatenate([np.ones(min(1, len(ascending)), bool), ascending[1:] != ascending[:-1]])


def _twice(ascending: Array) -> Array:
    """Return the ids that stand more than once in an ascending array, each once."""
    again = ascending[~_is_first(ascending)]
    return again[_is_first(again)]
