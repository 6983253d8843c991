"""The check that every id of a codes directory occurs once: on Spark one aggregation, in this process runs on disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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

NAMED_IDS = 5
AT_ONCE = 1 << 24  # ids in memory: 128 MiB, and twice that while they are sorted
MOST_PARTS = 512  # files open at once
FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ / φ: Knuth's multiplicative hashing

Array = NDArray[np.int64]


def check_ids(engine: Engine, source: str, chunks: Sequence[codes_directory.Chunk]) -> None:
    """Raise InvalidInputError, naming a few, if an id of a codes directory occurs twice."""
    pieces = [piece for chunk in chunks for piece in chunk]
    if isinstance(engine, SparkEngine):
        twice = _repeated_on_spark(engine.session, pieces)
    else:
        with run_notes.stage("check ids"):
            batches = (ids for piece in pieces for ids in codes_directory.id_batches(piece))
            twice = repeated(batches, sum(map(codes_directory.chunk_rows, chunks))).tolist()
    if twice:
        named = ", ".join(map(str, twice[:NAMED_IDS]))
        raise InvalidInputError(f"{source}: ids occur more than once, such as {named}; give every item its own id")


def _repeated_on_spark(spark: SparkSession, pieces: Sequence[Piece]) -> list[int]:
    """Return a few of the ids that occur more than once."""

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            for number in batch.column(0).to_pylist():
                for ids in codes_directory.id_batches(pieces[number]):
                    yield pa.RecordBatch.from_pydict({"id": ids})

    frame = spark.range(0, len(pieces), 1, len(pieces)).mapInArrow(read, "id long")
    twice = frame.groupBy("id").count().where("count > 1").select("id").limit(NAMED_IDS)
    return [row.id for row in wait_for(spark, twice.collect)]


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
